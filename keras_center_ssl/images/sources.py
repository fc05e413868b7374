"""Images of a folder, or of a .npy or .npz file, read without TensorFlow.

For training and for sources of any other kind there is `kcs.data`.
"""

import os
import pathlib

import numpy as np

from keras_center_ssl.errors import InputError
from keras_center_ssl.images import listing
from keras_center_ssl.images.arrays import is_numpy_file, open_arrays
from keras_center_ssl.images.reading import read_image
from keras_center_ssl.images.regular_files import Unreadable


def open_images(source, split="test"):
    """The `FolderImages` or `ArrayImages` that a path stands for.

    Raises:
        InputError: For a path that is neither a folder of images nor a .npy or .npz file of them.
    """
    found = listing.find_folder(source, split)
    if found is not None:
        return FolderImages(listing.list_images(*found), str(source))
    if not is_numpy_file(pathlib.Path(source)):
        raise InputError(
            f"{str(source)!r} is no source of images that can be read without TensorFlow. "
            "Accepted: a folder of images, or a .npy or .npz file."
        )
    images, labels, _ = open_arrays(source, split)
    return ArrayImages(images, labels)


class ArrayImages:
    """Images in an array, as the file holds them.

    Attributes:
        images: `(N, H, W, C)` or `(N, H, W)`.
        labels: `(N,)`, or None.
    """

    def __init__(self, images, labels=None):
        if labels is not None and len(labels) != len(images):
            raise InputError(
                f"There must be one label for each image. Received {len(labels)} for "
                f"{len(images)} images."
            )
        self.images, self.labels = images, labels


class FolderImages:
    """The image files of a folder. What `batches` could not read is in `skipped`.

    Attributes:
        class_names: Names of the classes; empty where there are none.
        skipped: dict, file -> reason; grows as files are read.
    """

    def __init__(self, files, name):
        self._files, self._name, self._read = files, name, []
        self.class_names, self.skipped = files.class_names, dict(files.skipped)

    @property
    def count(self):
        """Number of files listed."""
        return len(self._files.paths)

    @property
    def paths(self):
        """The files that were read, relative to the folder, in order."""
        return tuple(self._files.paths[number] for number in self._read)

    @property
    def labels(self):
        """The labels of the files that were read, or None."""
        return None if self._files.labels is None else self._files.labels[self._read]

    def batches(self, size, channels, batch_size):
        """Yields float32 `(B, H, W, C)` in [0, 1]; `size`, `channels` as in `read_image`.

        Raises:
            InputError: Where none of the files can be read.
        """
        self._read = []
        images = []
        for number in range(len(self._files.paths)):
            path = self._files.paths[number]
            try:
                images.append(read_image(os.path.join(self._files.root, path), size, channels))
                self._read.append(number)
                self.skipped.pop(path, None)  # what was missing when it was listed
            except Unreadable as error:
                self.skipped[path] = str(error)
            if len(images) == batch_size:
                yield np.stack(images)
                images = []
        if images:
            yield np.stack(images)
        if not self._read:
            path, reason = next(iter(self.skipped.items()))
            raise InputError(
                f"None of the {len(self._files.paths)} files of {self._name!r} could be read "
                f"(the first: {path!r}, {reason}). Accepted: JPEG, PNG, BMP, GIF and WebP."
            )
