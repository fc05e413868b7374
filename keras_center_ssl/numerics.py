"""Precision of what is compared, unit length with a finite gradient, and NaN that stays NaN.

`maximum`, `relu` and `clip` may turn NaN into a number: IEEE 754 leaves it open, and TensorFlow and
XLA decide by the processor. What a loss or a figure rests on goes through the functions below.
"""

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
    image whose embedding is 0 would end a training. A vector with NaN in it, or one too long to be
    squared, becomes NaN in all of its places; `normalize` makes the latter 0.
    """
    square = ops.sum(ops.square(x), axis=axis, keepdims=True)
    unit = x * ops.rsqrt(ops.maximum(square, keras.config.epsilon() ** 2))
    return nan_unless(ops.isfinite(square), unit)


def at_least(x, floor):
    """`x`, or `floor` where `x` is not above it; NaN where `x` is NaN."""
    return ops.where(x <= floor, floor, x)


def nan_unless(condition, x):
    """`x` where `condition` holds, else NaN."""
    return ops.where(condition, x, float("nan"))


def all_finite(tensors):
    """Whether no number in any of the tensors or variables is NaN or infinite: a scalar boolean.

    Goes by their sums: one pass over each tensor, and one number of each to look at. Integers are
    passed over.
    """
    tensors = [ops.convert_to_tensor(tensor) for tensor in tensors]
    sums = [
        ops.sum(ops.cast(tensor, full_precision()))
        for tensor in tensors
        if keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype))
    ]
    return ops.isfinite(ops.stop_gradient(sum(sums, ops.zeros((), full_precision()))))
