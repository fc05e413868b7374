"""A bundle laid out for a model server: Triton Inference Server, or TensorFlow Serving.

Needs neither Keras nor TensorFlow: files are copied, and the configuration follows from
`metrics.json`.
"""

import json
import os
import pathlib
import shutil

from keras_center_ssl.errors import InputError, one_of
from keras_center_ssl.export.ends import INPUT, OUTPUT
from keras_center_ssl.export.formats import FORMATS
from keras_center_ssl.files import atomic_path, is_plain_name
from keras_center_ssl.records import read_object

SERVERS = ("triton", "tensorflow-serving")
_ONNX = [name for name, each in FORMATS.items() if each.has_opset]


def model_repository(
    bundle: str | os.PathLike[str],
    directory: str | os.PathLike[str],
    server: str = "triton",
    *,
    format: str = "onnx",
    version: int = 1,
    max_batch_size: int = 64,
    queue_delay: float = 0.002,
) -> pathlib.Path:
    """Adds a bundle's encoder to a model server's repository.

    Triton gets `NAME/config.pbtxt`, with dynamic batching, and `NAME/VERSION/model.onnx`;
    TensorFlow Serving gets `NAME/VERSION` with the SavedModel, whose second signature takes 8-bit
    pixels.

    Args:
        bundle: The folder that `export_bundle` made.
        directory: The repository; made where it is missing. Other models in it stay.
        server: `"triton"` or `"tensorflow-serving"`.
        format: For Triton: `"onnx"`, or an ONNX format of fewer bits.
        version: A whole number from 1 on; servers take the highest.
        max_batch_size: For Triton: the most images in one call of the encoder.
        queue_delay: For Triton: seconds that a request may wait for others to share a batch with.

    Returns:
        The model's folder, a `pathlib.Path`.

    Raises:
        InputError: For a folder that is no bundle, a format that it does not hold, a version that
            is there already, and numbers out of range.
    """
    if server not in SERVERS:
        raise one_of("server", server, SERVERS)
    if version < 1 or max_batch_size < 1 or queue_delay < 0:
        raise InputError(
            "version and max_batch_size are 1 or more, queue_delay is 0 or more; received "
            f"version={version}, max_batch_size={max_batch_size} and queue_delay={queue_delay}."
        )
    bundle = pathlib.Path(bundle)
    record = _record(bundle)
    if server == "triton" and format not in _ONNX:
        raise one_of("format for Triton", format, _ONNX)
    source = _file(bundle, record, format if server == "triton" else "saved_model")
    model = pathlib.Path(directory) / record["name"]
    place = model / str(version)
    if place.exists():
        raise InputError(
            f"{str(place)!r} is there already. Servers load a new version while the old one "
            f"answers: pass version={version + 1}, or remove the folder."
        )
    model.mkdir(parents=True, exist_ok=True)
    if server == "triton":
        with atomic_path(model / "config.pbtxt") as file:
            file.write_text(triton_config(record, max_batch_size, queue_delay), "utf-8")
    # A server may be watching: the version's folder appears with all of its files.
    unfinished = model / f".{version}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    if server == "triton":
        unfinished.mkdir()
        shutil.copyfile(source, unfinished / "model.onnx")
    else:
        shutil.copytree(source, unfinished)
    unfinished.rename(place)
    return model


def triton_config(record, max_batch_size, queue_delay):
    """`config.pbtxt` of an encoder in ONNX, in the text format of Triton's `ModelConfig`."""
    dims = ", ".join(str(size or -1) for size in record["input"]["shape"])
    return f"""\
name: {json.dumps(record["name"])}
backend: "onnxruntime"
max_batch_size: {max_batch_size}
input [
  {{
    name: "{INPUT}"
    data_type: TYPE_FP32
    dims: [ {dims} ]
  }}
]
output [
  {{
    name: "{OUTPUT}"
    data_type: TYPE_FP32
    dims: [ {record["feature_dim"]} ]
  }}
]
dynamic_batching {{
  max_queue_delay_microseconds: {round(1e6 * queue_delay)}
}}
"""


def _record(bundle):
    """What `metrics.json` says, looked at: the bundle may be anybody's."""
    try:
        record = read_object(bundle / "metrics.json", needs="formats")
        sizes = [record["feature_dim"], *(size or 1 for size in record["input"]["shape"])]
        if not all(type(size) is int for size in sizes) or not isinstance(record["formats"], dict):
            raise TypeError
        record["name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{str(bundle)!r} is no bundle: it has no readable metrics.json. center-ssl export "
            "makes one, and zoo entries are bundles."
        ) from error
    if not is_plain_name(record["name"]):
        raise InputError(
            f"The bundle {str(bundle)!r} calls itself {record['name']!r}, which cannot name a "
            "folder of the repository. Correct the name in its metrics.json."
        )
    return record


def _file(bundle, record, name):
    path = bundle / FORMATS[name].file
    if name not in record["formats"] or not path.exists():
        raise InputError(
            f"The bundle {str(bundle)!r} has no {name}; it has {', '.join(record['formats'])}. "
            f"Export it with --format {name}."
        )
    return path
