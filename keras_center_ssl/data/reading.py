"""From a source to batches of its pixels, in its order or by number, and into memory."""

import numpy as np
import tensorflow as tf

from keras_center_ssl.data import checks
from keras_center_ssl.data.decode import conform
from keras_center_ssl.data.folder import FolderSource
from keras_center_ssl.data.resolve import resolve
from keras_center_ssl.data.sources import ArraySource, MappedSource, StreamSource, from_arrays
from keras_center_ssl.errors import InputError

# Files that one thread decodes before the next thread's turn.
_FILES_AT_A_TIME = 16


def load(source, split="train", limit=None, *, labels=None, image_size=None, channels=None):
    """Loads images into memory, for evaluation. Files are decoded in parallel.

    Args:
        source, image_size, channels: as in `multi_view`.
        split: `"train"` or `"test"`; arrays, `tf.data.Dataset`s and folders without a folder
            `train` have no split and ignore it.
        limit: int or None, the first so many images only; of a folder so many evenly spaced ones.
        labels: array of N labels, for a source that has none of its own.

    Returns:
        An object with `.images` (`(N, H, W, C)`, uint8 or float32 in `[0, 1]`), `.labels` (or
        None), `.name`, `.fingerprint` (16 hexadecimal digits over the content) and `.skipped`
        (file -> why it could not be read). It is itself a source.

    Raises:
        InputError: for sources that are not understood, hold anything but images in range, or take
            more than the memory that is available.
    """
    return in_memory(
        resolve(
            source,
            labels=labels,
            split=split,
            limit=limit,
            image_size=image_size,
            channels=channels,
        )
    )


def in_memory(found):
    """The `ArraySource` with the images of any source."""
    if isinstance(found, ArraySource):
        return found
    if found.count is None:
        return _of_unknown_length(found)
    checks.check_memory(found.name, found.nbytes)
    images = np.empty((found.count, *found.image_shape), found.dtype)
    labels, done = [], 0
    with checks.input_errors():
        for batch, *label in plain_batches(found, 64, found.has_labels):
            images[done : done + len(batch)] = batch
            labels.extend(part.numpy() for part in label)
            done += len(batch)
    return _kept(found, images[:done], labels)


def _of_unknown_length(found):
    parts, labels, size = [], [], 0
    with checks.input_errors():
        for batch, *label in plain_batches(found, 64, found.has_labels):
            parts.append(batch.numpy())
            labels.extend(part.numpy() for part in label)
            size += parts[-1].nbytes
            # What is read so far is taken already; putting the parts together takes it once more.
            checks.check_memory(found.name, size)
    return _kept(found, np.concatenate(parts) if parts else np.empty(0), labels)


def _kept(found, images, labels):
    if not len(images):
        raise _nothing_read(found)
    labels = np.concatenate(labels) if labels else None
    if isinstance(found, StreamSource):
        return from_arrays(images, labels, found.name)
    return ArraySource(images, labels, found.name, found.skipped)


def _nothing_read(found):
    if not found.skipped:
        return checks.empty()
    file, reason = next(iter(found.skipped.items()))
    return InputError(
        f"None of the {found.count} files of {found.name!r} could be read (the first: {file!r}, "
        f"{reason})."
    )


def reader(found, with_labels):
    """A function from numbers of images to `(images,)` or `(images, labels)`, in TensorFlow.

    `images` have the source's own dtype. The function takes an int64 tensor of numbers and `more`,
    which only a `FolderSource` needs: see `FolderSource.read`.
    """
    if isinstance(found, FolderSource):
        return found.read(with_labels)
    with tf.device("CPU:0"):
        labels = [tf.constant(found.labels)] if with_labels else []
        images = tf.constant(found.images) if isinstance(found, ArraySource) else None

    def read_memory(numbers, more=None):
        return tuple(tf.gather(array, numbers) for array in (images, *labels))

    def read_file(numbers, more=None):
        batch = tf.numpy_function(found.rows, [numbers], found.dtype, stateful=False)
        batch = tf.ensure_shape(batch, [numbers.shape[0], *found.array.shape[1:]])
        batch = conform(batch, found.size, found.channels)
        return (batch, *(tf.gather(array, numbers) for array in labels))

    return read_file if isinstance(found, MappedSource) else read_memory


def plain_batches(found, batch_size, with_labels):
    """A `tf.data.Dataset` of `(images,)` or `(images, labels)` in the order of the source."""
    if isinstance(found, StreamSource):
        dataset = found.dataset.batch(batch_size)
        if found.has_labels:
            return dataset.map(lambda image, label: (image, label) if with_labels else (image,))
        return dataset.map(lambda image: (image,))
    read = reader(found, with_labels)
    numbers = tf.data.Dataset.range(found.count)

    @tf.autograph.experimental.do_not_convert
    def finish(batch):
        return read(batch)

    options = {"num_parallel_calls": tf.data.AUTOTUNE, "deterministic": True}
    if not isinstance(found, FolderSource):
        return numbers.batch(batch_size).map(finish, **options)
    # Without the files that cannot be read, the batches are put together anew.
    return numbers.batch(_FILES_AT_A_TIME).map(finish, **options).unbatch().batch(batch_size)
