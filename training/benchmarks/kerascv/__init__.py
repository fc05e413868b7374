"""KerasCV's side: the same recipe made of its batched layers."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def limit_threads(count):
    """At most `count` threads for one operation, and as many operations at a time."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)


def forget():
    """Frees what dropped contestants leave in Keras' global state."""
    import keras

    keras.backend.clear_session()


def versions():
    """Versions of what does the work."""
    import keras_cv

    return {"keras-cv": keras_cv.__version__}
