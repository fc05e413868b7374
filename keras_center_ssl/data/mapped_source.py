"""Images in a file of an array, mapped into memory."""

import dataclasses
import functools
import hashlib

import numpy as np

from keras_center_ssl.data import pixels
from keras_center_ssl.data.conform import conform
from keras_center_ssl.data.into_memory import read_all
from keras_center_ssl.data.numbered import NumberedSource
from keras_center_ssl.data.source import (
    SAMPLE,
    check_hold_out,
    conformed_shape,
    evenly_spaced,
    matching_labels,
)
from keras_center_ssl.engine.tensorflow_when_used import tf


@dataclasses.dataclass(frozen=True, eq=False)
class MappedSource(NumberedSource):
    """Images in a file, mapped into memory: only what a batch needs is read.

    Pixels are checked on 64 images when the source is opened, then batch by batch.

    Attributes:
        array: memory map `(N, H, W, C)`, uint8, bool, or float in `[0, 1]`.
        labels: array `(N, ...)`, or None.
        name: what to call the data in a report.
        size: `(H, W)` to which a batch is brought when it is read, or None.
        channels: 1, 3 or None, likewise.
    """

    array: np.ndarray
    labels: np.ndarray | None = None
    name: str = "array"
    size: tuple | None = None
    channels: int | None = None
    skipped: dict = dataclasses.field(default_factory=dict, repr=False)

    @property
    def count(self):
        return len(self.array)

    @property
    def image_shape(self):
        return conformed_shape(self.array.shape[1:], self.size, self.channels)

    @property
    def dtype(self):
        return "uint8" if self.array.dtype == np.uint8 else "float32"

    @property
    def has_labels(self):
        return self.labels is not None

    @functools.cached_property
    def fingerprint(self):
        """16 hexadecimal digits over shape, dtype, labels and 64 evenly spaced images."""
        digest = hashlib.sha256(f"{self.array.dtype.str}{self.array.shape}".encode())
        for row in evenly_spaced(self.count, SAMPLE):
            digest.update(np.ascontiguousarray(self.array[row]).tobytes())
        if self.labels is not None:
            digest.update(np.ascontiguousarray(self.labels).tobytes())
        return digest.hexdigest()[:16]

    def rows(self, numbers):
        """The images of these numbers, checked, before `size` and `channels`."""
        images = np.asarray(self.array[numbers])
        pixels.check_pixels(images, numbers)
        return pixels.clean(images)

    def take(self, limit):
        """The first `limit` images."""
        return self._part(slice(limit))

    def hold_out(self, number):
        """All but the last `number` images, and these."""
        check_hold_out(number, self.count, self.name)
        return self._part(slice(-number)), self._part(slice(-number, None))

    def _part(self, part):
        labels = None if self.labels is None else self.labels[part]
        return dataclasses.replace(self, array=self.array[part], labels=labels)

    def conformed(self, size, channels):
        conformed_shape(self.image_shape, size, channels)
        return dataclasses.replace(self, size=size or self.size, channels=channels or self.channels)

    def with_labels(self, labels):
        return dataclasses.replace(self, labels=matching_labels(labels, self.count))

    def in_memory(self):
        return read_all(self)

    def reader(self, with_labels):
        with tf.device("CPU:0"):
            labels = [tf.constant(self.labels)] if with_labels else []

        def read(numbers, others=None):
            batch = tf.numpy_function(self.rows, [numbers], self.dtype, stateful=False)
            batch = tf.ensure_shape(batch, [numbers.shape[0], *self.array.shape[1:]])
            batch = conform(batch, self.size, self.channels)
            return (batch, *(tf.gather(array, numbers) for array in labels))

        return read
