"""The precision of everything that is compared: embeddings, losses, statistics."""

import keras


def full_precision():
    """`"float32"`, also where the layers compute in half precision.

    `"float64"` where `keras.config.set_floatx("float64")` was called before the model was made:
    that tells rounding from error.
    """
    return "float64" if keras.config.floatx() == "float64" else "float32"
