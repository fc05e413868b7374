"""The process that `on_tensorflow.write` starts: one order on the standard input, one file written.

A module of its own, since it imports the table of formats, which imports `on_tensorflow`.
"""

import contextlib
import json
import sys

import keras

from keras_center_ssl.errors import InputError
from keras_center_ssl.export import keras_file
from keras_center_ssl.export.formats import FORMATS
from keras_center_ssl.export.on_tensorflow import REFUSED


def _main():
    order = json.load(sys.stdin)
    try:
        # Converters print; the reason for a refusal is all that belongs on the standard output.
        with contextlib.redirect_stdout(sys.stderr):
            try:
                encoder = keras.saving.load_model(order["encoder"], compile=False)
            except (TypeError, ValueError) as error:
                raise InputError(
                    "To write this format the encoder is loaded on Keras' TensorFlow backend, in a "
                    f"process of its own, and it cannot be: {keras_file.reason(error)} Put your "
                    "own layers into a module that can be imported, with "
                    "@keras.saving.register_keras_serializable, or leave the format out."
                ) from error
            FORMATS[order["format"]].write(
                encoder, order["path"], opset=order["opset"], properties=order["properties"]
            )
    except InputError as error:
        print(error)
        sys.exit(REFUSED)


if __name__ == "__main__":
    _main()
