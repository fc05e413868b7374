"""Errors that are raised inside a graph of `tf.data`, and come out of it as themselves."""

import contextlib
import re

from keras_center_ssl.engine.tensorflow_when_used import tf
from keras_center_ssl.errors import InputError


@contextlib.contextmanager
def input_errors():
    """Turns the TensorFlow error around an `InputError` raised while data is read back into it.

    What is found in the middle of a pass (a pixel out of range, an image of another size) is raised
    in a thread of `tf.data`, which wraps it in pages of its own.
    """
    try:
        yield
    except tf.errors.OpError as error:
        message = re.search(r"InputError: (.+)", error.message)
        if message is None:
            raise
        raise InputError(message[1]) from None
