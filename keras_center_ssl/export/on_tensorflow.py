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

import keras

from keras_center_ssl.errors import InputError

# Exit code of the other process where it has a reason for the user, on its standard output.
REFUSED = 3


def is_needed():
    """Whether TensorFlow's formats have to be written by another process."""
    return keras.backend.backend() != "tensorflow"


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
            [sys.executable, "-m", "keras_center_ssl.export.tensorflow_process"],
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
    if done.returncode == REFUSED:
        raise InputError(done.stdout.strip())
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it gave no reason"]
        raise InputError(
            f"The format {format_name!r} is written by Keras' TensorFlow backend, in a process of "
            f"its own, and that failed: {lines[-1]} Export formats=('keras',) here, then load "
            "encoder.keras with KERAS_BACKEND=tensorflow and export it there."
        )
