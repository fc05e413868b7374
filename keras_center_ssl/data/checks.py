"""Checks that every kind of source shares, each a paragraph where it fails."""

import contextlib
import os
import pathlib
import re

import numpy as np

from keras_center_ssl.errors import InputError

# Resizing with float arithmetic overshoots a little; more than this is another range.
_SLACK = 1e-3


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
        raise InputError(
            "Images are uint8 in 0..255 or float in [0, 1]. Received dtype "
            f"{images.dtype}: convert them with `images.astype('uint8')` if they are in 0..255."
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


def check_memory(name, size):
    """Raises `InputError` where `size` bytes do not fit into memory."""
    free = available_memory()
    if free is not None and size > 0.8 * free:
        raise InputError(
            f"The images of {name!r} take {_gib(size)} in memory, and {_gib(free)} are available. "
            "Read them batch by batch with `kcs.data.batches`, or make less of them with "
            "`limit=`, `image_size=` or `channels=1`."
        )


def available_memory():
    """Bytes that this process may still take, or None where the system does not tell."""
    found = []
    with contextlib.suppress(OSError, ValueError, AttributeError):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(OSError, AttributeError):
        text = pathlib.Path("/proc/meminfo").read_text()
        found.append(int(re.search(r"MemAvailable:\s+(\d+) kB", text)[1]) * 1024)
    # A container has its own limit ("max" where it has none).
    with contextlib.suppress(OSError, ValueError):
        group = pathlib.Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())
        found.append(limit - int((group / "memory.current").read_text()))
    return min(found, default=None)


def _gib(size):
    return f"{size / 2**30:.1f} GiB" if size >= 2**28 else f"{size / 2**20:.1f} MiB"


@contextlib.contextmanager
def input_errors():
    """Turns the TensorFlow error around an `InputError` raised while data is read back into it.

    What is found in the middle of a pass (a pixel out of range, an image of another size) is raised
    in a thread of `tf.data`, which wraps it in pages of its own.
    """
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        message = re.search(r"InputError: (.+)", error.message)
        if message is None:
            raise
        raise InputError(message[1]) from None
