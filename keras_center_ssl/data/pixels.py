"""Checks of arrays of images: their shape and their pixels."""

import numpy as np

from keras_center_ssl.errors import InputError

# Resizing with float arithmetic overshoots a little; more than this is another range.
_SLACK = 1e-3


def empty():
    return InputError("There are no images: the source is empty. Pass at least two.")


def check_shape(shape):
    """Raises `InputError` unless `shape` is one of images, `(N, H, W)` or `(N, H, W, C)`."""
    if len(shape) == 0 or 0 in shape:
        raise empty()
    if len(shape) not in (3, 4):
        raise InputError(
            "Images have the shape (N, H, W) or (N, H, W, C). Received an array of shape "
            f"{shape}: a single image needs `images[None]`, flattened ones "
            "`images.reshape(-1, height, width, channels)`."
        )
    if len(shape) == 3 and shape[-1] <= 4 < shape[0]:
        raise InputError(
            f"An array of shape {shape} looks like one colour image (H, W, C) and not "
            "like N grey images (N, H, W): pass `images[None]` for a single image, or "
            "`images[..., None]` if they are grey."
        )


def check_pixels(images, numbers=None):
    """Raises `InputError` unless `images` `(N, ...)` are uint8, or float in `[0, 1]`.

    `numbers` are the images' places in the source, where `images` is a part of it.
    """
    if images.dtype in (np.uint8, np.bool_):
        return
    if not np.issubdtype(images.dtype, np.floating):
        convert = (
            "convert them with `images.astype('uint8')` if they are in 0..255"
            if np.issubdtype(images.dtype, np.integer)
            else "convert them to an array of numbers, of one shape"
        )
        raise InputError(
            "Images are uint8 in 0..255 or float in [0, 1]. Received dtype "
            f"{images.dtype}: {convert}."
        )
    low, high = float(images.min()), float(images.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        bad = ~np.isfinite(images)
        where = np.flatnonzero(bad.reshape(len(images), -1).any(axis=1))
        first = where[0] if numbers is None else numbers[where[0]]
        raise InputError(
            f"{int(bad.sum())} pixels are NaN or infinite, in {len(where)} of {len(images)} "
            f"images, the first of them images[{first}]. Remove those images, or mend them with "
            "`np.nan_to_num`."
        )
    if low < -_SLACK or high > 1 + _SLACK:
        remedy = (
            "divide by 255, or pass them as uint8"
            if low >= 0
            else "undo the standardisation, e.g. `(x - x.min()) / (x.max() - x.min())`"
        )
        raise InputError(f"Float images lie in [0, 1]. These lie in [{low:g}, {high:g}]: {remedy}.")


def clean(images):
    """Checked images as uint8 or float32 in `[0, 1]`."""
    if images.dtype == np.uint8:
        return images
    return np.clip(images.astype("float32", copy=False), 0.0, 1.0)


def with_channel_axis(images, data_format=None):
    """Images `(N, H, W, C)`, given with or without the last axis, or as `(N, C, H, W)`."""
    check_shape(images.shape)
    if images.ndim == 3:
        return images[..., None]
    return np.moveaxis(images, 1, -1) if is_channels_first(images.shape, data_format) else images


def is_channels_first(shape, data_format):
    """Whether images of `shape` `(N, ?, ?, ?)` are `(N, C, H, W)`.

    Raises:
        InputError: where the shape looks like it, and `data_format` does not say what it is.
    """
    if data_format is not None:
        return data_format == "channels_first"
    _, first, second, last = shape
    known = None not in (first, second, last)
    # Read as (N, H, W, C): more channels than colours have, more of them than rows, and no square.
    if known and last > 4 and first < last and first != second:
        raise InputError(
            f"An array of shape {tuple(shape)} looks like images with their channels first, "
            "(N, C, H, W): pass `data_format='channels_first'`, or `np.moveaxis(images, 1, -1)`. "
            f"If they are {first} x {second} pixels (height x width) of {last} channels, pass "
            "`data_format='channels_last'`."
        )
    return False


def as_array(images):
    """Whatever stands for images as a NumPy array of numbers.

    Raises:
        InputError: for images of several sizes, arrays with masked pixels, and what NumPy cannot
            convert.
    """
    if isinstance(images, np.ma.MaskedArray):
        masked = int(np.ma.count_masked(images))
        if masked:
            raise InputError(
                f"{masked} pixels of this masked array are masked, and images have no holes: fill "
                "them with a value first, e.g. `images.filled(0)`."
            )
        images = images.data
    try:
        array = np.asarray(images)
    except ValueError as error:
        raise _differ(error) from error
    except Exception as error:  # whatever the array of another library raises
        raise InputError(
            f"Images of type {type(images).__name__} cannot be made a NumPy array "
            f"({' '.join(str(error).split())}). Convert them first; for a PyTorch tensor "
            "`images.detach().cpu().float().numpy()`."
        ) from error
    if array.dtype == object and array.ndim == 1 and len(array):
        # A column of a table, say: each element an image.
        if any(isinstance(image, np.ndarray) for image in array):
            try:
                return np.stack(list(array))
            except ValueError as error:
                raise _differ(error) from error
    # Half precision as JAX and PyTorch have it, unknown to NumPy.
    return array.astype("float32") if array.dtype.name == "bfloat16" else array


def _differ(error):
    return InputError(
        "The images differ in size and cannot form one array (N, H, W, C): resize them to a "
        f"common size first. NumPy says: {error}"
    )
