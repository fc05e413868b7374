"""The table of export formats: one function each, and whoever lists formats asks this table.

A format's function takes an encoder and a path, writes there, reads back what it wrote, and
returns `predict`, a function from images `(B, H, W, C)` to features `(B, D)` that runs the
*written* file; the parity check calls it (`parity.py`; `approximation.py` where the format has
fewer bits). Adding a format is one such function here, under `@export_format`: the bundle, its
record, the zoo and the command line know it from then on. What the card says of its use is
`templates/use_<name>.md`, where there is one.

The table stands here and not in a file of the ground floor, so that a format is added in one place.
The zoo, whose entries are bundles, imports it, and this room knows nothing of the zoo. For that it
is light: a function imports what it works with when it runs, and the table itself needs no more
than Python.
"""

import contextlib
import dataclasses
import pathlib
import tempfile
from collections.abc import Callable, Iterable

from keras_center_ssl.errors import InputError, needs, one_of


@dataclasses.dataclass(frozen=True)
class Format:
    """An export format.

    Attributes:
        name: What `formats=`, `format=` and `--format` take.
        file: The file or folder that it makes, relative to the bundle.
        main_file: The file by which one sees that the format is there: `file` itself, or the
            principal one in the folder. With `/`.
        write: Its function: `(encoder, path, *, opset, properties) -> predict`; with
            `needs_images` it also takes `images=`, `(N, H, W, C)` float32 in [0, 1].
        default: Whether a bundle has it unless `formats=` says otherwise.
        has_opset: Whether it is ONNX, of the operator set that is asked for.
        lowest_cosine: `None` for float32 formats, which give the encoder's features to rounding.
            Else the least mean cosine between its features and the encoder's, both centred, with
            which it is written (`approximation.py`).
        needs_images: Whether it is calibrated on real images.
    """

    name: str
    file: str
    main_file: str
    write: Callable
    default: bool = False
    has_opset: bool = False
    lowest_cosine: float | None = None
    needs_images: bool = False

    @property
    def description(self):
        """What it is, in one line."""
        return (self.write.__doc__ or "").strip().split("\n")[0]

    @property
    def projector_file(self):
        """The projector's file or folder, where a bundle has one beside the encoder's."""
        if "encoder" in self.file:
            return self.file.replace("encoder", "projector")
        return f"projector_{self.file}"

    def holds(self, path):
        """Whether a file of a bundle, named by its path with `/`, belongs to this format."""
        own = (self.file, self.projector_file)
        return any(path == file or path.startswith(f"{file}/") for file in own)


FORMATS: dict[str, Format] = {}


def export_format(name, file, main_file=None, **traits):
    """Registers a function `(encoder, path, *, opset, properties) -> predict` as a format.

    Args:
        name: The format's name.
        file: The file or folder that it makes, relative to the bundle.
        main_file: For a folder: the file in it that is always there, relative to the bundle.
        **traits: Further attributes of its `Format`.
    """

    def register(write):
        FORMATS[name] = Format(name, file, main_file or file, write, **traits)
        return write

    return register


def default_formats() -> tuple[str, ...]:
    """The names of the formats of a bundle for which none are named."""
    return tuple(each.name for each in FORMATS.values() if each.default)


def select(names: str | Iterable[str]) -> list[Format]:
    """The `Format`s called `names`, in the order given and each once.

    Raises:
        InputError: For no name at all, and for one that is not in the table.
    """
    names = [names] if isinstance(names, str) else list(names)
    if not names:
        raise InputError(f"No export format is named. Accepted: {', '.join(FORMATS)}.")
    for name in names:
        if name not in FORMATS:
            raise one_of("export format", name, FORMATS)
    return [FORMATS[name] for name in dict.fromkeys(names)]


@export_format("keras", "encoder.keras", default=True)
def keras(encoder, path, *, opset, properties):
    """Keras' own format: loads with `keras.saving.load_model`, on every backend, and trains on."""
    from keras_center_ssl.export import keras_file

    return keras_file.write(encoder, path)


@export_format("saved_model", "saved_model", "saved_model/saved_model.pb", default=True)
def saved_model(encoder, path, *, opset, properties):
    """A TensorFlow SavedModel: `serving_default` takes floats, `serving_uint8` 8-bit pixels."""
    from keras_center_ssl.export import on_tensorflow, saved_model

    if on_tensorflow.is_needed():
        on_tensorflow.write("saved_model", encoder, path, opset=opset, properties=properties)
    else:
        saved_model.write(encoder, path)
    return saved_model.read(path)


@export_format("onnx", "encoder.onnx", default=True, has_opset=True)
def onnx(encoder, path, *, opset, properties):
    """ONNX, float32: `images` `(batch, H, W, C)` to `features` `(batch, D)`, any batch size."""
    with needs("Export as ONNX", "onnx"):
        from keras_center_ssl.export import on_tensorflow, onnx_file

    onnx_file.check_opset(opset)
    if on_tensorflow.is_needed():
        on_tensorflow.write("onnx", encoder, path, opset=opset, properties=properties)
    else:
        onnx_file.write(encoder, path, opset, properties)
    return onnx_file.read(path)


@export_format("onnx_fp16", "encoder_fp16.onnx", has_opset=True, lowest_cosine=0.999)
def onnx_fp16(encoder, path, *, opset, properties):
    """ONNX in float16, half the size, for GPUs and browsers: its ends stay float32."""
    with needs("Export as ONNX", "onnx"):
        from keras_center_ssl.export import onnx_file, onnx_half

    with _made_before("onnx", encoder, opset, properties) as made:
        onnx_half.write(made, path)
    return onnx_file.read(path)


@export_format(
    "onnx_int8", "encoder_int8.onnx", has_opset=True, lowest_cosine=0.95, needs_images=True
)
def onnx_int8(encoder, path, *, opset, properties, images):
    """ONNX in 8-bit integers, a third of the size, for CPUs: its ends stay float32."""
    with needs("Export as ONNX", "onnx"):
        from keras_center_ssl.export import onnx_file, onnx_quantized

    onnx_quantized.check_opset(opset)
    with _made_before("onnx", encoder, opset, properties) as made:
        onnx_quantized.write(made, path, images)
    return onnx_file.read(path)


@export_format("litert", "encoder.tflite")
def litert(encoder, path, *, opset, properties):
    """LiteRT (TensorFlow Lite), float32, for phones and boards: any batch size."""
    from keras_center_ssl.export import litert_file

    with _made_before("saved_model", encoder, opset, properties) as made:
        litert_file.write(made, path)
    return litert_file.read(path)


@export_format("litert_int8", "encoder_int8.tflite", lowest_cosine=0.95, needs_images=True)
def litert_int8(encoder, path, *, opset, properties, images):
    """LiteRT in 8-bit integers, a third of the size: its ends stay float32."""
    from keras_center_ssl.export import litert_file

    litert_file.check_size(encoder)
    with _made_before("saved_model", encoder, opset, properties) as made:
        litert_file.write(made, path, images)
    return litert_file.read(path)


@contextlib.contextmanager
def _made_before(name, encoder, opset, properties):
    """The path of the encoder in another format, from which one is made; gone afterwards."""
    made = FORMATS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / made.file
        made.write(encoder, path, opset=opset, properties=properties)
        yield path
