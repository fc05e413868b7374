"""Images in memory."""

import dataclasses
import functools
import hashlib

import numpy as np

from keras_center_ssl.data import pixels
from keras_center_ssl.data.conform import conform
from keras_center_ssl.data.numbered import NumberedSource
from keras_center_ssl.data.source import check_hold_out, conformed_shape, matching_labels
from keras_center_ssl.engine.tensorflow_when_used import tf


@dataclasses.dataclass(frozen=True, eq=False)
class ArraySource(NumberedSource):
    """Images in memory.

    Attributes:
        images: array `(N, H, W, C)`, uint8 in 0..255 or float32 in `[0, 1]`.
        labels: array `(N, ...)`, or None.
        name: what to call the data in a report.
        skipped: dict, file -> reason, of the files that could not be read.
        files: the images' files, or None.
        class_names: names of the classes that `labels` count, where they are known.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    name: str = "array"
    skipped: dict = dataclasses.field(default_factory=dict, repr=False)
    files: tuple | None = dataclasses.field(default=None, repr=False)
    class_names: tuple = ()

    @property
    def count(self):
        """The number of images."""
        return len(self.images)

    @property
    def image_shape(self):
        return self.images.shape[1:]

    @property
    def dtype(self):
        return self.images.dtype.name

    @property
    def has_labels(self):
        return self.labels is not None

    @functools.cached_property
    def fingerprint(self):
        """16 hexadecimal digits of the SHA-256 of shapes, dtypes, pixels and labels."""
        digest = hashlib.sha256()
        for array in (self.images, self.labels):
            if array is None:
                continue
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
        return digest.hexdigest()[:16]

    def take(self, limit):
        """The first `limit` images."""
        return self._rows(slice(limit))

    def hold_out(self, number):
        """All but the last `number` images, and these."""
        check_hold_out(number, self.count, self.name)
        return self._rows(slice(-number)), self._rows(slice(-number, None))

    def _rows(self, part):
        labels = None if self.labels is None else self.labels[part]
        files = None if self.files is None else self.files[part]
        return dataclasses.replace(self, images=self.images[part], labels=labels, files=files)

    def conformed(self, size, channels):
        """The images at `size` `(H, W)` with so many `channels`; None leaves them as they are."""
        shape = conformed_shape(self.image_shape, size, channels)
        if shape == self.image_shape:
            return self
        images = np.empty((self.count, *shape), self.images.dtype)
        for start in range(0, self.count, 1024):
            part = slice(start, start + 1024)
            images[part] = conform(self.images[part], size, channels)
        return dataclasses.replace(self, images=images)

    def with_labels(self, labels):
        return dataclasses.replace(self, labels=matching_labels(labels, self.count))

    def in_memory(self):
        return self

    def reader(self, with_labels):
        with tf.device("CPU:0"):
            arrays = [tf.constant(self.images)]
            arrays += [tf.constant(self.labels)] if with_labels else []

        def read(numbers, others=None):
            return tuple(tf.gather(array, numbers) for array in arrays)

        return read


def from_arrays(images, labels, name, data_format=None):
    """An `ArraySource` of checked arrays; `images` may lack the channel axis."""
    images = pixels.with_channel_axis(images, data_format)
    pixels.check_pixels(images)
    found = ArraySource(np.ascontiguousarray(pixels.clean(images)), None, name)
    return found if labels is None else found.with_labels(labels)
