"""What the strengths of views may be."""

import math

import numpy as np

from keras_center_ssl.errors import InputError


def check_probability(name, value):
    """Returns `value` as a float; raises `InputError` unless it lies in `[0, 1]`."""
    if not _is_number(value) or not 0 <= value <= 1:
        raise InputError(
            f"`{name}` is a probability, a number from 0 (never) to 1 (always). "
            f"Received: {value!r}."
        )
    return float(value)


def check_strength(name, value, high=math.inf):
    """Returns `value` as a float; raises `InputError` unless it lies in `[0, high]`."""
    if not _is_number(value) or not 0 <= value <= high:
        limit = "" if high == math.inf else f" and at most {high}"
        raise InputError(f"`{name}` must be at least 0 (off){limit}. Received: {value!r}.")
    return float(value)


def check_range(name, value, low=0.0, high=math.inf):
    """Returns `value` as two floats `0 <= low < a <= b <= high`, or raises `InputError`."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else ()
    if len(pair) != 2 or not all(map(_is_number, pair)) or not low < pair[0] <= pair[1] <= high:
        limit = "" if high == math.inf else f" and at most {high:g}"
        raise InputError(
            f"`{name}` is a pair (smallest, largest) of numbers above {low:g}{limit}, the smaller "
            f"one first. Received: {value!r}."
        )
    return float(pair[0]), float(pair[1])


def check_size(name, value):
    """Returns `value` as an int; raises `InputError` unless it is a side of 8 to 1024 pixels."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or not 8 <= value <= 1024:
        raise InputError(
            f"`{name}` is the side of the square views in pixels, a whole number from 8 to 1024. "
            f"Received: {value!r}."
        )
    return int(value)


def _is_number(value):
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
