"""Feature maps, `(n, h, w, d)` or `(n, d, h, w)`: which of them, and the mean over positions."""

import numpy as np

from keras_center_ssl.errors import InputError, one_of

CHANNELS_LAST, CHANNELS_FIRST = "channels_last", "channels_first"
DATA_FORMATS = (CHANNELS_LAST, CHANNELS_FIRST)
# Axes of height and width.
_POSITIONS = {CHANNELS_LAST: (1, 2), CHANNELS_FIRST: (2, 3)}


def check_data_format(data_format):
    """Raises for anything but `None` and the two names that Keras uses."""
    if data_format is not None and data_format not in DATA_FORMATS:
        raise one_of("data_format", data_format, DATA_FORMATS)


def layout(shape, data_format=None, name="z"):
    """Where the channels of feature maps are.

    Args:
        shape: Four numbers.
        data_format: `"channels_last"`, `"channels_first"`, or `None` to tell by the shape.
        name: What to call the array in an error.

    Returns:
        One of `DATA_FORMATS`.

    Raises:
        InputError: Without `data_format`, where the shape does not look like `(n, h, w, d)`.
    """
    if data_format is not None:
        return data_format
    _, one, two, three = shape
    # Maps are square more often than not, and have more channels than rows or columns.
    if (one == two != three) or (two != three and three == max(one, two, three)):
        return CHANNELS_LAST
    raise InputError(
        f"Received {name} of shape {tuple(shape)}, which may be feature maps with the channels "
        f'first. Say which: data_format="channels_last" takes it as {one} x {two} positions of '
        f'{three} dimensions, data_format="channels_first" as {two} x {three} positions of {one} '
        "dimensions."
    )


def dimension(shape, data_format):
    """Number of dimensions of embeddings or feature maps."""
    return shape[1] if len(shape) == 4 and data_format == CHANNELS_FIRST else shape[-1]


def pooled(z, data_format):
    """Feature maps averaged to `(n, d)`; rows are returned as they are."""
    return z.mean(axis=_POSITIONS[data_format], dtype=np.float64) if z.ndim == 4 else z


def note(shape, data_format):
    """A sentence about what was done to feature maps, in a list."""
    if len(shape) != 4:
        return []
    order = data_format.replace("_", " ")
    return [f"Feature maps of shape {tuple(shape)}, {order}, were averaged over height and width."]
