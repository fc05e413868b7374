"""Export from Keras' JAX backend: a process of its own writes the file with TensorFlow.

Only TensorFlow's graphs become SavedModels that any TensorFlow reads, and ONNX; what JAX hands
over to TensorFlow is compiled code for one kind of machine, which no converter can look into.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from keras_center_ssl.errors import InputError

_REFUSED = 3


def write(format_name, encoder, path, *, opset, properties):
    """Writes the encoder at `path` in a format of `formats.FORMATS`, on the TensorFlow backend.

    Raises:
        InputError: What the export says there, and where the encoder cannot be loaded there.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "encoder.keras"
        encoder.save(file)
        order = {
            "format": format_name,
            "encoder": str(file),
            "path": str(path),
            "opset": opset,
            "properties": {key: str(value) for key, value in properties.items()},
        }
        done = subprocess.run(
            [sys.executable, "-m", "keras_center_ssl.export.on_tensorflow"],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "KERAS_BACKEND": "tensorflow",
                # Layers of your own may be in a file beside the program.
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                # This process may hold all of the GPU's memory.
                "CUDA_VISIBLE_DEVICES": "-1",
            },
        )
    if done.returncode == _REFUSED:
        raise InputError(done.stdout.strip())
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it gave no reason"]
        raise InputError(
            f"The format {format_name!r} is written by Keras' TensorFlow backend, in a process of "
            f"its own, and that failed: {lines[-1]} Export formats=('keras',) here, then load "
            "encoder.keras with KERAS_BACKEND=tensorflow and export it there."
        )


def _main():
    import contextlib

    import keras

    from keras_center_ssl.export import formats

    order = json.load(sys.stdin)
    try:
        # Converters print; the reason for a refusal is all that belongs on the standard output.
        with contextlib.redirect_stdout(sys.stderr):
            try:
                encoder = keras.saving.load_model(order["encoder"], compile=False)
            except (TypeError, ValueError) as error:
                raise InputError(
                    "To write this format the encoder is loaded on Keras' TensorFlow backend, in a "
                    f"process of its own, and it cannot be: {formats.last_line(error)} Put your "
                    "own layers into a module that can be imported, with "
                    "@keras.saving.register_keras_serializable, or leave the format out."
                ) from error
            formats.FORMATS[order["format"]].write(
                encoder, order["path"], opset=order["opset"], properties=order["properties"]
            )
    except InputError as error:
        print(error)
        sys.exit(_REFUSED)


if __name__ == "__main__":
    _main()
