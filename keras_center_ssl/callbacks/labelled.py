"""Labelled images for callbacks that judge an encoder while it is trained."""

import numpy as np

from keras_center_ssl import data
from keras_center_ssl.errors import InputError


def labelled_images(source, split, name, limit=None):
    """Images and labels of a source, in memory.

    Args:
        source: A pair `(images, labels)` of arrays, or a source of `kcs.data` with labels.
        split: `"train"` or `"test"`, for sources that have both.
        name: Of the argument, for the error.
        limit: Use so many images only, evenly spread.

    Returns:
        `(images, labels)`: `(n, H, W, C)` and `(n,)` arrays.
    """
    if isinstance(source, tuple | list) and len(source) == 2:
        images, labels = source
        images, labels = np.asarray(images), np.asarray(labels).reshape(-1)
        if len(images) != len(labels):
            raise InputError(
                f"{name} is a pair of images and labels; received {len(images)} images and "
                f"{len(labels)} labels."
            )
        if limit is not None and limit < len(images):
            rows = np.linspace(0, len(images) - 1, limit).round().astype(int)
            images, labels = images[rows], labels[rows]
        return images, labels
    found = data.load(source, split, limit=limit)
    if found.labels is None:
        raise InputError(
            f"{name} needs labels to compare with; {found.name!r} has none. Pass a pair (images, "
            "labels), or a source with a folder per class."
        )
    return found.images, np.asarray(found.labels)


def every_epochs(every):
    """Returns `every` if it is a whole number from 1 on, else raises `InputError`."""
    if isinstance(every, bool) or not isinstance(every, int) or every < 1:
        raise InputError(f"every is a number of epochs from 1 on; received {every!r}.")
    return every
