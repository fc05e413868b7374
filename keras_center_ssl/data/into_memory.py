"""All images of a source into memory."""

import numpy as np

from keras_center_ssl.data.array_source import ArraySource
from keras_center_ssl.data.graph_errors import input_errors
from keras_center_ssl.data.pixels import empty
from keras_center_ssl.errors import InputError
from keras_center_ssl.images.memory import check_memory

_AT_A_TIME = 64


def read_all(source):
    """The `ArraySource` with the images of `source`, decoded in parallel.

    Raises:
        InputError: where they do not fit into the memory that is available, or none can be read.
    """
    images, labels = _growing(source) if source.count is None else _preallocated(source)
    if not len(images):
        raise _nothing_read(source)
    labels = np.concatenate(labels) if labels else None
    return ArraySource(
        images, labels, source.name, source.skipped, source.files, source.class_names
    )


def _preallocated(source):
    check_memory(source.name, source.nbytes)
    images = np.empty((source.count, *source.image_shape), source.dtype)
    labels, done = [], 0
    with input_errors():
        for batch, *label in source.batches(_AT_A_TIME, source.has_labels):
            images[done : done + len(batch)] = batch
            labels.extend(part.numpy() for part in label)
            done += len(batch)
    return images[:done], labels


def _growing(source):
    parts, labels, size = [], [], 0
    with input_errors():
        for batch, *label in source.batches(_AT_A_TIME, source.has_labels):
            parts.append(batch.numpy())
            labels.extend(part.numpy() for part in label)
            size += parts[-1].nbytes
            # What is read so far is taken already; putting the parts together takes it once more.
            check_memory(source.name, size)
    return np.concatenate(parts) if parts else np.empty(0), labels


def _nothing_read(source):
    if not source.skipped:
        return empty()
    file, reason = next(iter(source.skipped.items()))
    return InputError(
        f"None of the {source.count} files of {source.name!r} could be read (the first: {file!r}, "
        f"{reason})."
    )
