"""Image files to pixels, with Pillow: whatever a file holds, it ends in pixels or in a reason.

TensorFlow's decoder is not asked: it ends the process at some files (an animated WebP), and writes
about damaged ones to the terminal without naming them.
"""

import functools
import importlib
import os
import warnings

import numpy as np

from keras_center_ssl.errors import InputError
from keras_center_ssl.images.regular_files import Unreadable

# The environment variable, and how many pixels (height times width) are decoded without it.
MAX_PIXELS = "KERAS_CENTER_SSL_MAX_PIXELS"
DEFAULT_MAX_PIXELS = 64_000_000

_HEADER = 32  # bytes
_ROOM = 2  # what a reduced JPEG is larger by than the pixels that are wanted
_PNG = b"\x89PNG\r\n\x1a\n"
_GREY_WITH_ALPHA = 4  # a PNG's colour type


def decode(file, max_pixels=None, size=None):
    """The pixels in a binary file that can be read and sought, `(H, W, C)`, `C` as the file has it.

    JPEG, PNG, BMP, GIF and WebP, told apart by their content and not by their name; of an animation
    (GIF, WebP, PNG) the first frame. The rotation in a photograph's EXIF data is ignored: pixels
    come as stored. Palettes become the colours they stand for, and CMYK becomes RGB.

    A file that is cut short is not read in part. A changed byte is found where the format can tell:
    in a PNG, and not within the data of a JPEG.

    Args:
        file: Binary, to be read and sought.
        max_pixels: Most pixels; `None`: `pixel_limit()`.
        size: `(height, width)` that the pixels will be resized to, or None. JPEGs are decoded at
            1/2, 1/4 or 1/8 then, as long as they stay twice as large; a photograph of 12
            megapixels takes a fifth of the time, and ends within 2 of 255 of itself.

    Returns:
        uint8 with 1 to 4 channels. Of PNGs with 16 bits a channel grey ones come as uint16, and
        of the others the upper 8 bits: Pillow reads no more.

    Raises:
        Unreadable: for a file that is damaged, of another kind, or of more pixels than the
            environment variable `KERAS_CENTER_SSL_MAX_PIXELS` says (64 million without it).
    """
    header = file.read(_HEADER)
    kind, opener = _kind(header)
    try:
        image = _opened(file, opener)
        _check_size(*image.size, max_pixels)
        if kind == "PNG":
            image.verify()  # the checksums, which `load` leaves out
            image = _opened(file, opener)
        if kind == "JPEG" and size is not None:
            image.draft(None, (_ROOM * size[1], _ROOM * size[0]))
        pixels = _pixels(image, kind)
    except (Unreadable, InputError):
        raise
    except Exception as error:  # whatever Pillow raises at a damaged file
        words = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise Unreadable(f"damaged (Invalid {kind}: {words})") from None
    if kind == "PNG" and header[25] == _GREY_WITH_ALPHA and pixels.shape[2] == 4:
        return pixels[..., [0, 3]]  # of 16 bits, which Pillow reads as colour
    return pixels


def is_wide(header):
    """Whether the first bytes of a file are those of a PNG with 16 bits a channel."""
    return header[:8] == _PNG and header[24:25] == b"\x10"


def pixel_limit():
    """Most pixels that are decoded of one image.

    Raises:
        InputError: where the environment variable holds anything but a number.
    """
    text = os.environ.get(MAX_PIXELS)
    if text is None:
        return DEFAULT_MAX_PIXELS
    if not text.isdecimal() or int(text) < 1:
        raise InputError(
            f"The environment variable {MAX_PIXELS} is the most pixels that an image may have, a "
            f"whole number of at least 1. It is {text!r}."
        )
    return int(text)


def _check_size(width, height, most=None):
    if most is not None and width * height > most:
        raise Unreadable(f"{height} x {width} pixels, more than the {most:,} that are accepted")
    if most is None and width * height > pixel_limit():
        raise Unreadable(
            f"{height} x {width} pixels, more than {pixel_limit():,}: an image of this size takes "
            f"gigabytes. Set {MAX_PIXELS} to read it"
        )


# -- Pillow ----------------------------------------------------------------------------------------


def _kind(header):
    """What a file of this beginning is, and the class in Pillow that opens it."""
    if not header:
        raise Unreadable("an empty file")
    if header[:4] == b"RIFF" and header[8:12] == b"WEBP":
        return "WebP", _plugin("WebPImagePlugin", "WebPImageFile")
    for beginning, kind, module, name in (
        (b"\xff\xd8\xff", "JPEG", "JpegImagePlugin", "JpegImageFile"),
        (_PNG, "PNG", "PngImagePlugin", "PngImageFile"),
        (b"GIF8", "GIF", "GifImagePlugin", "GifImageFile"),
        (b"BM", "BMP", "BmpImagePlugin", "BmpImageFile"),
    ):
        if header.startswith(beginning):
            return kind, _plugin(module, name)
    raise Unreadable("no image of a known format")


@functools.cache
def _plugin(module, name):
    # Its warnings name no file: what they are about is a reason to skip one, or does no harm.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    return getattr(importlib.import_module(f"PIL.{module}"), name)


def _opened(file, opener):
    file.seek(0)
    return opener(file)


def _pixels(image, kind):
    """`(H, W, C)`, uint8 or of 16-bit grey images uint16."""
    image.load()
    if image.mode.startswith("I"):
        return np.asarray(image).astype("uint16")[..., None]
    if kind == "GIF":
        image = image.convert("RGB")
    elif image.mode in ("P", "PA"):
        opaque = image.mode == "P" and "transparency" not in image.info
        image = image.convert("RGB" if opaque else "RGBA")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("RGB")
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels
