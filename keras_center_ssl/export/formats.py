"""The table of export formats: one function each, and whoever lists formats asks this table.

A format's function takes an encoder and a path, writes there, reads back what it wrote, and
returns `predict`, a function from images `(B, H, W, C)` to features `(B, D)` that runs the
*written* file; the parity check (`parity.py`) calls it. Adding a format is one such function here,
under `@export_format`: the bundle, its record, the zoo and the command line know it from then on.
What the card says of its use is `templates/use_<name>.md`, where there is one.

The table stands here and not in a file of the ground floor, so that a format is added in one place.
The zoo, whose entries are bundles, imports it, and this room knows nothing of the zoo. For that it
is light: a function imports what it works with when it runs, and the table itself needs no more
than Python.
"""

import dataclasses
from collections.abc import Callable

from keras_center_ssl.errors import InputError, needs, one_of


@dataclasses.dataclass(frozen=True)
class Format:
    """An export format.

    Attributes:
        name: What `formats=`, `format=` and `--format` take.
        file: The file or folder that it makes, relative to the bundle.
        main_file: The file by which one sees that the format is there: `file` itself, or the
            principal one in the folder. With `/`.
        write: Its function: `(encoder, path, *, opset, properties) -> predict`.
    """

    name: str
    file: str
    main_file: str
    write: Callable

    @property
    def description(self):
        """What it is, in one line."""
        return (self.write.__doc__ or "").strip().split("\n")[0]

    def holds(self, path):
        """Whether a file of a bundle, named by its path with `/`, belongs to this format."""
        return path == self.file or path.startswith(f"{self.file}/")


FORMATS: dict[str, Format] = {}


def export_format(name, file, main_file=None):
    """Registers a function `(encoder, path, *, opset, properties) -> predict` as a format.

    Args:
        name: The format's name.
        file: The file or folder that it makes, relative to the bundle.
        main_file: For a folder: the file in it that is always there, relative to the bundle.
    """

    def register(write):
        FORMATS[name] = Format(name, file, main_file or file, write)
        return write

    return register


def select(names):
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


@export_format("keras", "encoder.keras")
def keras(encoder, path, *, opset, properties):
    """Keras' own format: loads with `keras.saving.load_model`, on every backend, and trains on."""
    from keras_center_ssl.export import keras_file

    return keras_file.write(encoder, path)


@export_format("saved_model", "saved_model", "saved_model/saved_model.pb")
def saved_model(encoder, path, *, opset, properties):
    """A TensorFlow SavedModel: `serving_default` maps `images` to `{"features": ...}`."""
    from keras_center_ssl.export import on_tensorflow, saved_model

    if on_tensorflow.is_needed():
        on_tensorflow.write("saved_model", encoder, path, opset=opset, properties=properties)
    else:
        saved_model.write(encoder, path)
    return saved_model.read(path)


@export_format("onnx", "encoder.onnx")
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
