"""Checks of the arguments that all ways to read images share."""

import numpy as np

from keras_center_ssl.errors import InputError


def check_count(name, value, smallest=1, optional=False):
    """Raises `InputError` unless `value` is a whole number of at least `smallest`."""
    if optional and value is None:
        return
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < smallest:
        also = " or None" if optional else ""
        raise InputError(
            f"`{name}` is a whole number of at least {smallest}{also}. Received: {value!r}."
        )


def check_image_size(size):
    """`image_size` as `(height, width)`, or None."""
    if size is None:
        return None
    pair = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in pair)
    if len(pair) != 2 or not whole or min(pair) < 1:
        raise InputError(
            "`image_size` is a number of pixels, a pair (height, width) of them, or None. "
            f"Received: {size!r}."
        )
    return tuple(int(n) for n in pair)


def check_channels(channels):
    if channels is not None and (isinstance(channels, bool) or channels not in (1, 3)):
        raise InputError(
            "`channels` is 1 (grey), 3 (colour) or None (as the images are). "
            f"Received: {channels!r}."
        )


def check_data_format(data_format):
    if data_format not in (None, "channels_first", "channels_last"):
        raise InputError(
            "`data_format` is 'channels_last' for images (H, W, C), 'channels_first' for images "
            f"(C, H, W), or None to tell by the shape. Received: {data_format!r}."
        )
