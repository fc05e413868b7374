"""What every kind of source of images has.

| kind | holds | read |
|---|---|---|
| `ArraySource` | images in memory (uint8 stays uint8) | by number |
| `MappedSource` | an array in a file, of which only what a batch needs is read | by number |
| `FolderSource` | the paths of image files | by number, decoded in parallel |
| `StreamSource` | a `tf.data.Dataset` of single images | in its order |
"""

import numpy as np

from keras_center_ssl.errors import InputError

# How many images stand for all of them where reading all would take too long.
SAMPLE = 64


class Source:
    """Base class of the sources.

    Attributes:
        name: what to call the data in a report.
        count: number of images (of files listed, of a folder), or None where it is not known.
        image_shape: `(H, W, C)`.
        dtype: `"uint8"` (0..255) or `"float32"` (`[0, 1]`), of the images as they are read.
        labels, has_labels: array `(N, ...)` or None, and whether there are any.
        files: the images' files, in the order of the images; None where they are not from files.
        class_names: names of the classes that `labels` count; empty where they are not known.
        skipped: dict, file -> why it was not read; of a folder it grows as files are read.
        fingerprint: 16 hexadecimal digits that tell one set of images from another.
    """

    # Whether images are decoded from files at every pass, so that keeping them in memory pays.
    from_disk = False
    files = None
    class_names = ()

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

    def with_labels(self, labels):
        """The source with these labels, one for each image."""
        raise InputError(
            "`labels=` goes with an array of images. Give a tf.data.Dataset its labels as "
            "`tf.data.Dataset.zip((images, labels))`; a folder's are the names of its folders."
        )

    def take(self, limit):
        """The source with `limit` images at most."""
        raise NotImplementedError

    def hold_out(self, number):
        """Two sources, the images that remain and `number` others: the same ones every time."""
        raise NotImplementedError

    def conformed(self, size, channels):
        """The source with images of `size` `(H, W)` and so many `channels`; None keeps them."""
        raise NotImplementedError

    def batches(self, batch_size, with_labels):
        """A `tf.data.Dataset` of `(images,)` or `(images, labels)` in the order of the source."""
        raise NotImplementedError

    def steps(self, epochs, endless=False):
        """A `tf.data.Dataset` of `(item, epoch, step)`, one for each batch of an `Epochs`."""
        raise NotImplementedError

    def step_reader(self, epochs, with_labels):
        """A function from `(item, epoch, step, part)` to `(size of the batch, images, *labels)`.

        `item` comes from `steps`; `part` says which rows of the batch are read.
        """
        raise NotImplementedError

    def in_memory(self):
        """The `ArraySource` with all the images."""
        raise NotImplementedError

    def readable(self):
        """The source without the images that cannot be read: each row of a pass is another one."""
        return self


def evenly_spaced(count, number):
    """Up to `number` whole numbers from 0 to `count - 1`, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, number)).astype("int64"))


def check_hold_out(number, count, name):
    """Raises `InputError` unless so many images can be held out."""
    if count is None:
        raise InputError(
            f"{name!r} does not know how many images it has, so none can be held out of it. Tell "
            "it with `dataset.apply(tf.data.experimental.assert_cardinality(count))`, or pass the "
            "held-out images as a source of their own."
        )
    if not 1 <= number <= count - 2:
        raise InputError(
            f"The number of images to hold out is from 1 to {count - 2}, two fewer than "
            f"{name!r} has; received {number}."
        )


def conformed_shape(shape, size, channels):
    """The shape `(H, W, C)` of images of `shape` once they are brought to `size` and `channels`."""
    if channels not in (None, shape[2]) and shape[2] is not None and shape[2] > 4:
        raise InputError(
            f"`channels={channels}` is for images of 1 to 4 channels (grey or colour, with or "
            f"without alpha). Received images with {shape[2]}: leave `channels` out."
        )
    return (*(size or shape[:2]), channels or shape[2])


def matching_labels(labels, count):
    """Labels as an array `(count, ...)`; raises `InputError` where there are more or fewer."""
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 0 or len(labels) != count:
        found = "a single value" if labels.ndim == 0 else f"{len(labels)}"
        raise InputError(
            f"There must be one label for each image. Received {found} for {count} images."
        )
    return labels
