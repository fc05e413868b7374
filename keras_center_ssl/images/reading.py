"""Pixels of image files with Pillow, where TensorFlow is not installed.

`read_image` brings an image to a size and to channels as `kcs.data` does: the shorter side resized
(bilinear, antialiased), the middle of the longer one kept, alpha dropped, colour to grey by ITU-R
BT.601. The rotation in a photograph's EXIF data is ignored, as there.
"""

import numpy as np
from PIL import Image

from keras_center_ssl.images.decoding import decode
from keras_center_ssl.images.regular_files import open_regular


def read_image(path, size, channels):
    """An image file as float32 `(height, width, channels)` in [0, 1].

    JPEG, PNG, BMP, GIF and WebP, told apart by their content; of an animation the first frame. Grey
    PNGs of 16 bits keep all of them.

    Args:
        path: Of the file.
        size: `(height, width)` to crop and resize to; either may be None, to leave the image.
        channels: 1 or 3; None leaves grey images grey and makes all others RGB.

    Raises:
        Unreadable: In words, whatever is wrong with the file.
    """
    with open_regular(path) as file:
        return read_file(file, size, channels)


def read_file(file, size, channels, max_pixels=None):
    """`read_image` of a binary file that can be read and sought; `max_pixels` as in `decode`."""
    known = None if size is None or None in size else tuple(size)
    pixels = decode(file, max_pixels, known)
    white = np.float32(np.iinfo(pixels.dtype).max)
    return conformed(pixels, known, channels).astype(np.float32) / white


def conformed(pixels, size, channels):
    """Pixels `(H, W, C)` of 8 or 16 bits in another size and with other channels.

    Args:
        pixels: As `decode` gives them.
        size: `(height, width)` to crop and resize to; None leaves the image.
        channels: As in `read_image`.

    Returns:
        `(height, width, channels)`, uint8; of 16 bits float32, in the same range.
    """
    if pixels.dtype == np.uint16:  # Pillow resizes those as floats only
        image = Image.fromarray(pixels[..., 0].astype(np.float32))
    else:
        image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        image = _with_channels(image, channels)
    if size is not None and (image.height, image.width) != size:
        middle = image.crop(_middle(image, size))
        image = middle.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], channels or 1, axis=-1)
    return pixels


def _with_channels(image, channels):
    """The image in grey or colour of 8 bits, without alpha."""
    if channels is None:
        channels = 1 if image.mode in ("L", "LA") else 3
    if image.mode == "RGBA":
        image = image.convert("RGB")
    return image.convert("L" if channels == 1 else "RGB")


def _middle(image, size):
    """The largest centred box `(left, top, right, bottom)` of the target's aspect ratio."""
    scale = min(image.height / size[0], image.width / size[1])
    height, width = (max(1, round(side * scale)) for side in size)
    top, left = (image.height - height) // 2, (image.width - width) // 2
    return left, top, left + width, top + height
