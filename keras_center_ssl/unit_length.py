"""L2 normalisation whose gradient is finite everywhere."""

import keras
from keras import ops


def unit_length(x, axis=-1):
    """`x` with vectors of length 1 along `axis`; vectors of length 0 stay 0.

    The values of `keras.ops.normalize`, whose gradient at a vector of zeros is NaN on JAX: one
    image whose embedding is 0 would end a training.
    """
    square = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x * ops.rsqrt(ops.maximum(square, keras.config.epsilon() ** 2))
