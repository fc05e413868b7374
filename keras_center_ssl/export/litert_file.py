"""`encoder.tflite`: LiteRT, formerly TensorFlow Lite, made of a SavedModel."""

import pathlib
import warnings

import numpy as np

from keras_center_ssl.engine.tensorflow_when_used import tf
from keras_center_ssl.errors import InputError
from keras_center_ssl.export.ends import INPUT
from keras_center_ssl.export.inference_graph import quiet
from keras_center_ssl.export.saved_model import FLOATS as SIGNATURE


def check_size(encoder):
    """Raises `InputError` for an encoder of any size, which 8-bit files are not written for."""
    # TensorFlow 2.21's interpreter corrupts memory where such a file's height and width change.
    if None in encoder.input_shape[1:]:
        raise InputError(
            f"8-bit LiteRT needs a known height and width; the encoder {encoder.name!r} takes "
            f"{tuple(encoder.input_shape[1:])}. Leave 'litert_int8' out of formats=, or build the "
            "encoder with an input_shape of your images."
        )


def write(made, path, images=None):
    """Writes the SavedModel `made`; in 8 bits, calibrated on them, where there are `images`."""
    converter = tf.lite.TFLiteConverter.from_saved_model(str(made), signature_keys=[SIGNATURE])
    if images is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ({INPUT: image[None]} for image in images)
    try:
        with quiet():
            content = converter.convert()
    except Exception as error:  # the converter's own classes, one per cause
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise InputError(
            f"The encoder could not be converted to LiteRT: {(lines or ['no reason given'])[0]} "
            "Leave the format out of formats=, or replace the layer."
        ) from error
    pathlib.Path(path).write_bytes(content)


def read(path):
    """A function from images to features that runs the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's says that it will go
        interpreter = _interpreter()(model_path=str(path))
    run = interpreter.get_signature_runner(SIGNATURE)
    (given,), (got,) = run.get_input_details(), run.get_output_details()
    return lambda images: np.array(run(**{given: images})[got])


def _interpreter():
    """LiteRT's own interpreter where it is installed, else the one in TensorFlow."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        return tf.lite.Interpreter
    return Interpreter
