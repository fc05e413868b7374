"""An encoder as a TensorFlow graph at inference, and silence while it is converted."""

import contextlib
import logging
import warnings

from keras_center_ssl.engine.tensorflow_when_used import tf
from keras_center_ssl.export.ends import ends_of


def inference_function(encoder, shape_output=lambda features: features):
    """The encoder as a `tf.function` of `images`, any batch size, as at inference."""
    spec = tf.TensorSpec((None, *encoder.input_shape[1:]), tf.float32, name=ends_of(encoder)[0])
    return tf.function(
        lambda images: shape_output(encoder(images, training=False)), input_signature=[spec]
    )


@contextlib.contextmanager
def quiet():
    """Hides the converters' chatter: deprecation warnings and log lines below errors."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "tf2onnx", "tf2onnx.tfonnx")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
