"""`encoder.keras`, written so that every Keras this package runs on loads it."""

import keras
import numpy as np

from keras_center_ssl.errors import InputError
from keras_center_ssl.export.older_keras import leave_out_new_defaults


def write(encoder, path):
    """Writes the encoder and returns a function that runs what Keras reads back."""
    encoder.save(path)
    leave_out_new_defaults(path)
    try:
        reloaded = keras.saving.load_model(path, compile=False)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"Keras cannot read back the encoder {encoder.name!r}: {reason(error)} Give your "
            "own layers and models a get_config and @keras.saving.register_keras_serializable, or "
            "leave 'keras' out of formats=."
        ) from error
    return lambda images: np.asarray(
        keras.ops.convert_to_numpy(reloaded(images, training=False)), "float32"
    )


def reason(error):
    """What was wrong, of a message of Keras on an object that cannot be read back."""
    # Keras puts the cause after "Exception encountered:", and the whole config after that.
    text = str(error).split("Exception encountered: ")[-1].split(" Full object config:")[0]
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__
