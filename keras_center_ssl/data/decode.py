"""Pixels of image files in the depth that a source has: 8 or 16 bits a channel."""

import numpy as np

from keras_center_ssl.engine.tensorflow_when_used import tf
from keras_center_ssl.images import decoding
from keras_center_ssl.images.regular_files import open_regular


def read_image(path, wide=False, size=None):
    """The pixels of a regular file, `(H, W, C)`; see `images.decoding.decode`.

    Args:
        path: of the file.
        wide: bool. True keeps all 16 bits of a PNG's channels and gives float32 in `[0, 1]`; False
            gives uint8, of 16-bit channels the upper 8 bits.
        size: as in `images.decoding.decode`.

    Raises:
        Unreadable: in words, whatever is wrong with the file.
    """
    with open_regular(path) as file:
        return decode(file, wide, size)


def decode(file, wide=False, size=None):
    """`read_image` for a binary file that can be read and sought."""
    pixels = decoding.decode(file, size=size)
    if not wide:
        return pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype("uint8")
    if pixels.dtype == np.uint8 and _is_wide(file):
        # Pillow has found it whole, but reads 16 bits of grey images only.
        file.seek(0)
        pixels = tf.io.decode_png(file.read(), dtype=tf.uint16).numpy()
    return pixels.astype("float32") / np.float32(np.iinfo(pixels.dtype).max)


def is_wide(path):
    """Whether a file is a PNG with 16 bits a channel."""
    with open_regular(path) as file:
        return _is_wide(file)


def _is_wide(file):
    file.seek(0)
    return decoding.is_wide(file.read(32))
