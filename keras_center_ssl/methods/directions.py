"""Random directions that are a function of seed and step, the same on every device and backend.

The backends' own generators give other numbers on another device, or another backend. A hash of
integers does not: replicas agree without a word, a training that is resumed goes on with the
directions it would have had, and TensorFlow and JAX can be held against each other.
"""

import math

from keras import ops

from keras_center_ssl.numerics import full_precision, unit_length

# From the golden ratio: neighbouring counters begin far apart.
_STRIDE = -1640531527
# Of the hash that C. Wellons published as `lowbias32`, as signed numbers.
_MULTIPLIERS = (0x7FEB352D, 0x846CA68B - 2**32)
# The largest prime of 32 bits.
_PRIME = 2**32 - 5
# As many as float32 holds with a half added.
_BITS = 23


def unit_directions(dim, count, seed, step):
    """`count` directions, uniform on the sphere.

    Args:
        dim: Dimension.
        count: How many.
        seed: An integer.
        step: Integer scalar tensor, or a whole number in a float: another step, other directions.

    Returns:
        Unit columns `(dim, count)`, without gradient.
    """
    step = ops.cast(step, "int32") + 1
    key = _mixed(ops.bitwise_xor(_mixed(step * _STRIDE), _signed(seed)))
    counters = ops.arange(dim * count, dtype="int32") * _STRIDE
    radius, angle = (_uniform(_mixed(ops.bitwise_xor(counters, k))) for k in (key, _mixed(key + 1)))
    # Box & Muller.
    normal = ops.sqrt(-2.0 * ops.log(radius)) * ops.cos(2.0 * math.pi * angle)
    return ops.stop_gradient(unit_length(ops.reshape(normal, (dim, count)), axis=0))


def _mixed(x):
    """A hash of 32 bits, one to one. Products wrap around."""
    x = ops.bitwise_xor(x, _shifted(x, 16)) * _MULTIPLIERS[0]
    x = ops.bitwise_xor(x, _shifted(x, 15)) * _MULTIPLIERS[1]
    return ops.bitwise_xor(x, _shifted(x, 16))


def _shifted(x, bits):
    """`x` shifted to the right, with zeros coming in from the left."""
    return ops.bitwise_and(ops.right_shift(x, bits), 2 ** (32 - bits) - 1)


def _uniform(x):
    """Numbers inside (0, 1) from the upper bits of a hash."""
    numbers = ops.cast(_shifted(x, 32 - _BITS), full_precision())
    return (numbers + 0.5) / 2.0**_BITS


def _signed(seed):
    """`seed` as a signed number of 32 bits."""
    return seed % _PRIME - 2**31
