"""Small pictures of the images that embeddings are of, read one by one where they are needed."""

import os
import pathlib

import numpy as np
from PIL import Image

from keras_center_ssl.embedded import Embedded
from keras_center_ssl.errors import InputError, needs
from keras_center_ssl.images import listing
from keras_center_ssl.images.reading import read_image
from keras_center_ssl.images.regular_files import Unreadable
from keras_center_ssl.images.sources import open_images


class Thumbnails:
    """Pictures of the rows of an `Embedded`.

    Args:
        embedded: Features, and which image each row is of.
        source: Where the images are: a folder, a file or a name; `None`: where they were embedded
            from.
        side: Of the pictures, in pixels.

    Raises:
        InputError: Where it is not known where the images are, or there are others.
    """

    def __init__(self, embedded: Embedded, source: str | None = None, side: int = 96):
        self.side = side
        self._paths = embedded.paths
        source, split = source or embedded.source, embedded.split or "test"
        if source is None:
            raise InputError(
                "The file does not say where its images are. Name them with --data: the folder, "
                "file or name that was embedded."
            )
        if embedded.paths is not None:
            self._root = _root(source, split)
            return
        images = _images(source, split)
        if len(images) != len(embedded.features):
            raise InputError(
                f"{source!r} has {len(images)} images for {len(embedded.features)} rows of "
                "features: they are of others. Name the right ones with --data."
            )
        self._images = images

    def __getitem__(self, row: int) -> Image.Image:
        """The picture of a row; a grey one where its file cannot be read any more."""
        try:
            if self._paths is not None:
                pixels = read_image(os.path.join(self._root, self._paths[row]), None, None)
            else:
                pixels = np.asarray(self._images[row])
        except Unreadable:
            return Image.new("RGB", (self.side, self.side), "#cccccc")
        return thumbnail(pixels, self.side)


def thumbnail(pixels: np.ndarray, side: int) -> Image.Image:
    """An image `(H, W)` or `(H, W, C)`, uint8 or in [0, 1], whole, on a white square."""
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if pixels.dtype != np.uint8:
        pixels = (np.clip(np.nan_to_num(pixels), 0, 1) * 255).round().astype("uint8")
    # Two channels are grey and alpha; of more than three the first three are shown.
    pixels = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1].repeat(3, axis=2)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    scale = side / max(image.size)
    size = tuple(max(1, round(n * scale)) for n in image.size)
    # Few pixels are shown as the squares they are.
    way = Image.Resampling.NEAREST if scale > 1.5 else Image.Resampling.LANCZOS
    square = Image.new("RGB", (side, side), "white")
    square.paste(image.resize(size, way), ((side - size[0]) // 2, (side - size[1]) // 2))
    return square


def _root(source, split):
    place = listing.find_folder(source, split)
    if place is None:
        raise InputError(
            f"There is no folder {source!r} (seen from {str(pathlib.Path.cwd())!r}), from which "
            "the images were embedded. Name it with --data."
        )
    return place[0]


def _images(source, split):
    if pathlib.Path(source).expanduser().exists():
        found = open_images(source, split)
        return getattr(found, "images", ())
    with needs(f"{source!r} is no folder or file; a data set by name", "keras", "tensorflow"):
        from keras_center_ssl import data
    return data.load(source, split).images
