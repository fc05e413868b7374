"""This library's side of the benchmark."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def limit_threads(count):
    """At most `count` threads for one operation, and as many operations at a time."""
    if os.environ.get("KERAS_BACKEND") == "jax":
        return  # it is timed on accelerators, where there may be no TensorFlow
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)


def forget():
    """Frees what dropped contestants leave in Keras' global state."""
    import keras

    keras.backend.clear_session()


def versions():
    """Versions of what does the work."""
    import keras

    import keras_center_ssl as kcs

    found = {"keras-center-ssl": kcs.__version__, "keras": keras.__version__}
    if keras.backend.backend() == "jax":
        import jax

        return found | {"jax": jax.__version__}
    import onnxruntime
    import tensorflow as tf

    return found | {"tensorflow": tf.__version__, "onnxruntime": onnxruntime.__version__}
