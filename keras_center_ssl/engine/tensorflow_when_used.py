"""TensorFlow, imported at its first use: `import keras_center_ssl` on JAX stays without it."""

import contextlib
import functools
import importlib
import os
import sys

from keras_center_ssl.errors import needs


class _TensorFlow:
    """Stands for the module `tensorflow`: `tf.data`, `tf.cast` and all others."""

    def __getattr__(self, name):
        return getattr(tensorflow(), name)


tf = _TensorFlow()


@functools.cache
def tensorflow():
    """The module `tensorflow`. Where Keras runs on another backend, without GPUs."""
    with needs("Reading images with kcs.data", "tensorflow"):
        module = importlib.import_module("tensorflow")
    if _keras_backend() not in (None, "tensorflow"):
        # It reads and augments images on the CPU there, and would take all of the GPUs' memory. A
        # RuntimeError says that the program has used it before and has decided for itself.
        with contextlib.suppress(RuntimeError):
            module.config.set_visible_devices([], "GPU")
    return module


def loaded_tensorflow():
    """The module `tensorflow` where somebody has imported it already, else None."""
    return tensorflow() if "tensorflow" in sys.modules else None


def _keras_backend():
    """Name of Keras' backend; where Keras is not imported, what the environment says, or None."""
    keras = sys.modules.get("keras")
    if keras is None:
        return os.environ.get("KERAS_BACKEND")
    return keras.backend.backend()
