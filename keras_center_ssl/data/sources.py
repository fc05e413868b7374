"""The kinds of sources, all with the same few attributes.

| kind | holds | read by |
|---|---|---|
| `ArraySource` | images in memory (uint8 stays uint8) | number |
| `MappedSource` | an array in a file, of which only what a batch needs is read | number |
| `FolderSource` (`folder.py`) | the paths of image files | number, decoded in parallel |
| `StreamSource` | a `tf.data.Dataset` of single images | order |

Every source has `name`, `count`, `labels`, `has_labels`, `image_shape` `(H, W, C)`, `dtype`
(`"uint8"`, 0..255, or `"float32"`, `[0, 1]`), `nbytes` (what the images take in memory),
`fingerprint`, `skipped` (file -> why it could not be read), and `take(limit)`,
`conformed(size, channels)`, `report()`.
"""

import dataclasses
import functools
import hashlib

import numpy as np

from keras_center_ssl.data import checks
from keras_center_ssl.data.decode import conform
from keras_center_ssl.errors import InputError

# How many images stand for all of them where reading all would take too long.
SAMPLE = 64


class Source:
    """What the kinds share."""

    # Whether images are decoded from files at every pass, so that keeping them in memory pays.
    from_disk = False

    @property
    def nbytes(self):
        """Bytes of the images in memory, or None where their number is not known."""
        if self.count is None:
            return None
        return self.count * int(np.prod(self.image_shape)) * np.dtype(self.dtype).itemsize

    def report(self):
        """`{"name", "images", "skipped": [{"file", "reason"}, ...]}`, as JSON can hold it.

        `images` is the number of images or files listed; those skipped are found as they are read.
        """
        skipped = [{"file": file, "reason": self.skipped[file]} for file in sorted(self.skipped)]
        return {"name": self.name, "images": self.count, "skipped": skipped}


def evenly_spaced(count, number):
    """Up to `number` whole numbers from 0 to `count - 1`, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, number)).astype("int64"))


@dataclasses.dataclass(frozen=True, eq=False)
class ArraySource(Source):
    """Images in memory.

    Attributes:
        images: array `(N, H, W, C)`, uint8 in 0..255 or float32 in `[0, 1]`.
        labels: array `(N, ...)`, or None.
        name: what to call the data in a report.
        skipped: dict, file -> reason, of the files that could not be read.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    name: str = "array"
    skipped: dict = dataclasses.field(default_factory=dict, repr=False)

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
        labels = None if self.labels is None else self.labels[:limit]
        return ArraySource(self.images[:limit], labels, self.name, self.skipped)

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


@dataclasses.dataclass(frozen=True, eq=False)
class MappedSource(Source):
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
        checks.check_pixels(images, numbers)
        return checks.clean(images)

    def take(self, limit):
        """The first `limit` images."""
        labels = None if self.labels is None else self.labels[:limit]
        return dataclasses.replace(self, array=self.array[:limit], labels=labels)

    def conformed(self, size, channels):
        conformed_shape(self.image_shape, size, channels)
        return dataclasses.replace(self, size=size or self.size, channels=channels or self.channels)


@dataclasses.dataclass(frozen=True, eq=False)
class StreamSource(Source):
    """Images that come one at a time.

    Attributes:
        dataset: `tf.data.Dataset` of images `(H, W, C)`, or of pairs (image, label) where
            `has_labels`; uint8 in 0..255 or float in `[0, 1]`.
        has_labels: bool.
        name: what to call the data in a report.
        from_disk: bool, see `Source`.
        shuffled_files: None, or a function from an int64 seed tensor to the dataset with its files
            in another order.
    """

    dataset: object
    has_labels: bool = False
    name: str = "tf.data"
    from_disk: bool = False
    shuffled_files: object = None
    skipped: dict = dataclasses.field(default_factory=dict, repr=False)

    @property
    def count(self):
        """The number of images, or None where the dataset does not know it.

        Raises:
            InputError: for a dataset that never ends.
        """
        count = int(self.dataset.cardinality())
        if count == -1:
            raise InputError(
                "The tf.data.Dataset never ends (it was repeated). One pass over it is one epoch: "
                "pass it before `.repeat()`, or end it with `.take(count)`."
            )
        return None if count < 0 else count

    @property
    def _image_spec(self):
        spec = self.dataset.element_spec
        return spec[0] if self.has_labels else spec

    @property
    def image_shape(self):
        return tuple(self._image_spec.shape)

    @property
    def dtype(self):
        return "uint8" if self._image_spec.dtype.name == "uint8" else "float32"

    @functools.cached_property
    def fingerprint(self):
        """16 hexadecimal digits over the first 64 elements and their number."""
        digest = hashlib.sha256(f"{self.dataset.element_spec}{self.count}".encode())
        for element in self.dataset.take(SAMPLE).as_numpy_iterator():
            for part in element if self.has_labels else (element,):
                digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()[:16]

    @functools.cached_property
    def labels(self):
        """Array `(N, ...)`, read in one pass over the dataset; None where there are none."""
        if not self.has_labels:
            return None
        return np.stack(list(self.dataset.map(lambda _, label: label).as_numpy_iterator()))

    def take(self, limit):
        """The first `limit` images."""
        # In another order of the files the first images would be other ones.
        return dataclasses.replace(self, dataset=self.dataset.take(limit), shuffled_files=None)

    def conformed(self, size, channels):
        """The images at `size` `(H, W)` with so many `channels`, checked to be alike and in range.

        Raises:
            InputError: where no `size` is given and the dataset does not promise one.
        """
        import tensorflow as tf

        found = self
        shape = self.image_shape
        conformed_shape(shape, size, channels)
        if size not in (None, shape[:2]) or channels not in (None, shape[2]):

            def convert(dataset):
                if self.has_labels:
                    return dataset.map(
                        lambda image, label: (conform(image, size, channels), label),
                        num_parallel_calls=tf.data.AUTOTUNE,
                        deterministic=True,
                    )
                return dataset.map(
                    lambda image: conform(image, size, channels),
                    num_parallel_calls=tf.data.AUTOTUNE,
                    deterministic=True,
                )

            files = self.shuffled_files
            found = dataclasses.replace(
                self,
                dataset=convert(self.dataset),
                shuffled_files=files and (lambda seed: convert(files(seed))),
            )
        if None in found.image_shape:
            raise InputError(
                f"The images of {self.name} must all have one known size. Received elements of "
                f"shape {shape}: pass `image_size=64` (shorter side and centre crop), and "
                "`channels=3` where the number of channels is not known either; or resize them, "
                "e.g. `dataset.map(lambda image: tf.ensure_shape(tf.image.resize(image, (64, 64)), "
                "(64, 64, 3)))`."
            )
        # The first images show a wrong range now and not as a training that fails to learn.
        first = list(found.dataset.take(8).as_numpy_iterator())
        if not first:
            raise checks.empty()
        checks.check_pixels(np.stack([e[0] if self.has_labels else e for e in first]))
        return found


# -- arrays ----------------------------------------------------------------------------------------


def conformed_shape(shape, size, channels):
    """The shape `(H, W, C)` of images of `shape` once they are brought to `size` and `channels`."""
    if channels not in (None, shape[2]) and shape[2] is not None and shape[2] > 4:
        raise InputError(
            f"`channels={channels}` is for images of 1 to 4 channels (grey or colour, with or "
            f"without alpha). Received images with {shape[2]}: leave `channels` out."
        )
    return (*(size or shape[:2]), channels or shape[2])


def from_arrays(images, labels, name):
    """An `ArraySource` of checked arrays; `images` may lack the channel axis."""
    images = with_channel_axis(images)
    checks.check_pixels(images)
    return with_labels(ArraySource(np.ascontiguousarray(checks.clean(images)), None, name), labels)


def with_channel_axis(images):
    checks.check_shape(images.shape)
    return images[..., None] if images.ndim == 3 else images


def with_labels(source, labels):
    """The source with these labels, one for each image."""
    if labels is None:
        return source
    if not isinstance(source, (ArraySource, MappedSource)):
        raise InputError(
            "`labels=` goes with an array of images. Give a tf.data.Dataset its labels as "
            "`tf.data.Dataset.zip((images, labels))`; a folder's are the names of its folders."
        )
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 0 or len(labels) != source.count:
        count = "a single value" if labels.ndim == 0 else f"{len(labels)}"
        raise InputError(
            f"There must be one label for each image. Received {count} for {source.count} images."
        )
    return dataclasses.replace(source, labels=labels)
