"""A look at some data before a training: how many images, how large, in colour or not, broken."""

import concurrent.futures
import os

import numpy as np

from keras_center_ssl import data
from keras_center_ssl.data.decode import read_image
from keras_center_ssl.data.folder_source import list_folder
from keras_center_ssl.data.named import NAMES
from keras_center_ssl.data.source import SAMPLE, evenly_spaced
from keras_center_ssl.errors import InputError
from keras_center_ssl.images.listing import find_folder
from keras_center_ssl.images.regular_files import Unreadable
from keras_center_ssl.runs.automatic import DataDescription

# Where images of several sizes come as a stream, they are looked at in this one.
_STREAM_SIZE = 256


def look(source: str) -> DataDescription:
    """Describes the training images of a source; opens 64 of them, evenly spaced where it can.

    Args:
        source: As in a recipe's `data.source`: a folder, a file, a name.

    Raises:
        InputError: As `kcs.data.open_source`, where no image can be read, and where the number of
            images is not known.
    """
    # A name comes first, as in `kcs.data`, whatever folders there are.
    by_name = source in NAMES or source.startswith("tfds:")
    place = None if by_name else find_folder(source, "train")
    return _folder(source, *place) if place else _images(source)


def _folder(source, root, name):
    listed = list_folder(root, name)
    numbers = evenly_spaced(listed.count, SAMPLE)
    paths = [os.path.join(listed.root, listed.paths[number]) for number in numbers]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        found = list(threads.map(_measured, paths))
    shapes = [shape for shape, _ in filter(None, found)]
    if not shapes:
        listed.conformed(None, None)  # says which, and why
    sides = np.array([shape[:2] for shape in shapes])
    return DataDescription(
        source=source,
        count=listed.count - round(listed.count * (len(found) - len(shapes)) / len(found)),
        # Most images have as many pixels; the few that are smaller are made larger.
        shorter_side=int(np.percentile(sides.min(axis=1), 10)),
        color=any(color for _, color in filter(None, found)),
        stored_channels=1 if all(shape[2] <= 2 for shape in shapes) else 3,
        one_size=len({shape[:2] for shape in shapes}) == 1,
        square=bool((sides[:, 0] == sides[:, 1]).all()),
        smallest=int(sides.min()),
        largest=int(sides.max()),
        looked_at=len(found),
        broken=len(found) - len(shapes),
    )


def _measured(path):
    """The shape of a file's image and whether it has colour; None where it cannot be read."""
    try:
        pixels = read_image(path)
    except Unreadable:
        return None
    return pixels.shape, has_color(pixels / 255.0)


def _images(source):
    one_size = True
    try:
        opened = data.open_source(source, "train")
    except InputError as error:
        if "image_size" not in str(error):
            raise
        opened, one_size = data.open_source(source, "train", image_size=_STREAM_SIZE), False
    if opened.count is None:
        raise InputError(
            f"{source!r} does not say how many images it has, so that nothing can be chosen for "
            "it. Write a recipe: center-ssl train RECIPE.yaml."
        )
    height, width, channels = opened.image_shape
    few = opened.take(min(SAMPLE, opened.count))
    images = np.concatenate([batch.numpy() for batch in data.batches(few, SAMPLE)])
    return DataDescription(
        source=source,
        count=opened.count,
        shorter_side=min(height, width),
        color=channels > 3 or any(has_color(image) for image in images),
        stored_channels=channels,
        one_size=one_size,
        square=height == width,
        smallest=min(height, width),
        largest=max(height, width),
        looked_at=len(images),
    )


def has_color(image: np.ndarray) -> bool:
    """Whether an image `(H, W, C)` in [0, 1] has pixels whose red, green and blue differ.

    JPEG rounds colours: differences of one in 40 do not count, nor do single pixels.
    """
    if image.shape[2] < 3:
        return False
    colors = image[..., :3]
    return bool(np.mean(colors.max(axis=2) - colors.min(axis=2) > 0.025) > 0.01)
