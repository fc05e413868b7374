"""The precision of everything that is compared, and unit length with a finite gradient."""

import keras
from keras import ops


def full_precision():
    """`"float32"`, also where the layers compute in half precision.

    `"float64"` where `keras.config.set_floatx("float64")` was called before the model was made:
    that tells rounding from error.
    """
    return "float64" if keras.config.floatx() == "float64" else "float32"


def unit_length(x, axis=-1):
    """`x` with vectors of length 1 along `axis`; vectors of length 0 stay 0.

    The values of `keras.ops.normalize`, whose gradient at a vector of zeros is NaN on JAX: one
    image whose embedding is 0 would end a training.
    """
    square = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x * ops.rsqrt(ops.maximum(square, keras.config.epsilon() ** 2))
