"""A small gallery beside an encoder: pictures, and the features that the encoder gives them.

    gallery/gallery.json    what follows, and what the pictures are
    gallery/images.png      all pictures in one, row by row (.jpg where a PNG would be too large)
    gallery/features.npy    float16 `(N, D)`, rows of length 1

A page finds the neighbours of a picture in it (`site.py`). It holds as many pictures as fit into
`LARGEST` bytes.

    {"schema_version": 1, "images": "images.png", "features": "features.npy", "count": N,
     "columns": C, "tile": [height, width], "encoder_sha256": HEX,
     "labels": [...] or null, "class_names": [...] or null, "data": ..., "license": ...}
"""

import hashlib
import io
import json

import numpy as np

from keras_center_ssl.errors import InputError
from keras_center_ssl.files import atomic_file, write_text
from keras_center_ssl.images import sources
from keras_center_ssl.onnx_encoder import OnnxEncoder
from keras_center_ssl.zoo.gallery_record import FOLDER, RECORD, SCHEMA_VERSION

# Bytes of a gallery, and the longer side of a picture in it, in pixels.
LARGEST = 300_000
LARGEST_TILE = 64
# Fewer show nothing.
FEWEST = 8

_COLUMNS = 16
_QUALITY = 82
_RECORD = 4000  # bytes of gallery.json, at most about
_PIXELS_READ = 64 * 2**20  # of the pictures that are looked at


def write_gallery(
    folder, images, *, labels=None, class_names=None, data=None, license=None, count=256, split=None
):
    """Writes `gallery/` into a bundle's folder, which holds `encoder.onnx`.

    Args:
        folder: The bundle's folder.
        images: `(N, H, W, C)` or `(N, H, W)`, uint8 or floats in [0, 1], of the encoder's size; or
            a folder of images, or a `.npy` or `.npz` file.
        labels: `(N,)` whole numbers, shown below the pictures; those of the source if `None`.
        class_names: Names that `labels` count; those of the source if `None`.
        data: What the pictures are, such as `"Fashion-MNIST, test images"`.
        license: Licence of the pictures, an SPDX id.
        count: Most pictures, at least 8; drawn from all with a fixed seed.
        split: `"train"` or `"test"`, for sources that have splits.

    Returns:
        How many pictures it holds.

    Raises:
        InputError: For a folder without `encoder.onnx`, images that the encoder does not take, and
            fewer than 8 of them.
    """
    if not isinstance(count, int) or count < FEWEST:
        raise InputError(f"A gallery has at least {FEWEST} pictures; received count={count!r}.")
    path = folder / "encoder.onnx"
    encoder = OnnxEncoder(path)
    found = _drawn(images, labels, class_names, count, encoder.input_shape, split or "test")
    features = encoder.embed(found.pixels)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    features = (features / np.maximum(lengths, 1e-12)).astype("<f2")
    tiles = _tiles(found.pixels)
    count, picture, suffix = _fitting(tiles, features)
    labels = None if found.labels is None else [int(label) for label in found.labels[:count]]
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    for other in place.iterdir():
        other.unlink()
    content = {
        "schema_version": SCHEMA_VERSION,
        "images": f"images{suffix}",
        "features": "features.npy",
        "count": count,
        "columns": _COLUMNS,
        "tile": list(tiles.shape[1:3]),
        "encoder_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "labels": labels,
        "class_names": [str(name) for name in found.class_names] or None,
        "data": data,
        "license": license,
    }
    for name, data_of_file in (
        (content["images"], picture),
        (content["features"], _npy(features[:count])),
    ):
        with atomic_file(place / name) as file:
            file.write(data_of_file)
    write_text(place / RECORD, json.dumps(content, indent=2) + "\n")
    return count


class _Drawn:
    """Some of the images: `pixels` uint8 `(N, H, W, C)`, `labels` or None, `class_names`."""

    def __init__(self, pixels, labels, class_names):
        self.pixels, self.labels, self.class_names = pixels, labels, class_names


def _drawn(images, labels, class_names, count, shape, split):
    height, width, channels = shape
    if hasattr(images, "ndim"):
        source = sources.ArrayImages(images, labels)
    else:
        source = sources.open_images(images, split)
    names = tuple(class_names or getattr(source, "class_names", ()))
    if isinstance(source, sources.ArrayImages):
        pixels = np.asarray(source.images)
        if pixels.ndim == 3:
            pixels = pixels[..., None]
        if pixels.ndim != 4 or len(pixels) < FEWEST:
            raise InputError(
                f"A gallery is made of at least {FEWEST} images of shape (height, width, "
                f"channels); received an array of shape {pixels.shape}."
            )
        chosen = _some(len(pixels), count)
        labels = source.labels if labels is None else labels
        pixels, labels = pixels[chosen], None if labels is None else np.asarray(labels)[chosen]
    else:
        pixels, labels = _of_folder(source, (height or 64, width or 64), channels or 3, count)
    return _Drawn(_bytes(pixels), labels, names)


def _of_folder(source, size, channels, count):
    """Pictures of a folder: every k-th of as many as are read."""
    most = max(count, _PIXELS_READ // (size[0] * size[1] * channels))
    read, total = [], 0
    for batch in source.batches(size, channels, 64):
        read.append(batch)
        total += len(batch)
        if total >= most:
            break
    pixels = np.concatenate(read)
    if len(pixels) < FEWEST:
        raise InputError(
            f"A gallery is made of at least {FEWEST} images; {len(pixels)} of this folder could "
            "be read."
        )
    chosen = _some(len(pixels), count)
    return pixels[chosen], None if source.labels is None else source.labels[: len(pixels)][chosen]


def _some(total, count):
    return np.random.default_rng(0).permutation(total)[:count]


def _bytes(pixels):
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype.kind != "f" or not (np.isfinite(pixels).all() and -1e-3 <= pixels.min()):
        raise InputError(f"Images are uint8 or finite floats in [0, 1]; received {pixels.dtype}.")
    if pixels.max() > 1 + 1e-3:
        raise InputError(
            f"Float images lie in [0, 1]; these reach {pixels.max():.4g}. Divide by 255, or pass "
            "them as uint8."
        )
    return np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def _tiles(pixels):
    """The pictures as they are shown: one or three channels, at most `LARGEST_TILE` on a side."""
    from PIL import Image

    # Of more channels the first three are shown, and of two the first.
    pixels = pixels[..., : 3 if pixels.shape[3] >= 3 else 1]
    longest = max(pixels.shape[1:3])
    if longest > LARGEST_TILE:
        height, width = (max(1, round(s * LARGEST_TILE / longest)) for s in pixels.shape[1:3])
        small = [
            np.asarray(
                Image.fromarray(_plane(image)).resize((width, height), Image.Resampling.BILINEAR)
            )
            for image in pixels
        ]
        pixels = np.stack(small).reshape(len(small), height, width, pixels.shape[3])
    return pixels


def _plane(image):
    return image[..., 0] if image.shape[-1] == 1 else image


def _fitting(tiles, features):
    """As many pictures as fit: their number, the one picture of all, and its suffix."""
    suffix, count = ".png", len(tiles)
    while True:
        picture = _picture(tiles[:count], suffix)
        size = len(picture) + len(_npy(features[:count])) + _RECORD
        if size <= LARGEST or count <= FEWEST:
            return count, picture, suffix
        if suffix == ".png":
            suffix = ".jpg"
        else:  # about in proportion, and a little less
            count = max(FEWEST, int(0.97 * count * LARGEST / size))


def _picture(tiles, suffix):
    from PIL import Image

    count, height, width, channels = tiles.shape
    rows = -(-count // _COLUMNS)
    filled = np.zeros((rows * _COLUMNS, height, width, channels), np.uint8)
    filled[:count] = tiles
    grid = filled.reshape(rows, _COLUMNS, height, width, channels).swapaxes(1, 2)
    grid = grid.reshape(rows * height, _COLUMNS * width, channels)
    stream = io.BytesIO()
    image = Image.fromarray(_plane(grid))
    if suffix == ".png":
        image.save(stream, "PNG", compress_level=9)
    else:
        image.save(stream, "JPEG", quality=_QUALITY, subsampling=0)
    return stream.getvalue()


def _npy(array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()
