"""Batches of a folder's files: decoded in Python, put together in a graph of `tf.data`."""

import os

import numpy as np

from keras_center_ssl.data.conform import conform
from keras_center_ssl.data.decode import read_image
from keras_center_ssl.engine.tensorflow_when_used import tf
from keras_center_ssl.errors import InputError
from keras_center_ssl.images.reading import conformed
from keras_center_ssl.images.regular_files import Unreadable


class FolderReader:
    """From numbers of files to `(images,)` or `(images, labels)`; see `NumberedSource.reader`.

    Args:
        source: a `FolderSource` with the shape of its images. What cannot be read is written into
            its `skipped`.
        with_labels: bool.
    """

    def __init__(self, source, with_labels):
        self._source = source
        self._size = source.image_shape[:2] if source.resize else None
        with tf.device("CPU:0"):
            self._labels = tf.constant(source.all_labels) if with_labels else None

    def __call__(self, numbers, others=None):
        candidates = tf.data.Dataset.from_tensor_slices(numbers)
        if others is not None:
            further = tf.data.Dataset.range(1).flat_map(
                lambda _: tf.data.Dataset.from_tensor_slices(others())
            )
            candidates = candidates.concatenate(further)
        found = candidates.map(self._decoded).filter(_is_image).map(self._conformed)
        nothing = tf.data.Dataset.from_tensors(
            (
                tf.zeros([0], tf.int64),
                tf.zeros([0, *self._source.image_shape], self._source.dtype),
            )
        )
        found = found.batch(tf.size(numbers, tf.int64)).concatenate(nothing).take(1)
        read, images = found.get_single_element()
        if others is not None:
            images, read = self._full(numbers, read, images)
        return (images,) if self._labels is None else (images, tf.gather(self._labels, read))

    def _decoded(self, number):
        """The number of a file and its pixels, none where it cannot be read."""
        image = tf.numpy_function(self._pixels, [number], self._source.dtype)
        return number, tf.ensure_shape(image, [None, None, None])

    def _conformed(self, number, image):
        image = conform(image, self._size, self._source.image_shape[2])
        return number, tf.ensure_shape(image, self._source.image_shape)

    def _full(self, numbers, read, images):
        """Images and their numbers, which must be as many as were asked for."""
        enough = tf.cond(
            tf.equal(tf.size(read), tf.size(numbers)),
            lambda: True,
            lambda: tf.numpy_function(self._too_few, [tf.size(read), tf.size(numbers)], tf.bool),
        )
        with tf.control_dependencies([enough]):
            images = tf.identity(images)
        images = tf.ensure_shape(images, [*numbers.shape, *self._source.image_shape])
        return images, tf.ensure_shape(read, numbers.shape)

    # -- in Python, called from the graph --

    def _pixels(self, number):
        source = self._source
        path = source.paths[number]
        try:
            image = read_image(os.path.join(source.root, path), source.wide, self._size)
        except Unreadable as error:
            source.skipped[path] = str(error)
            return np.zeros([0, 0, 0], source.dtype)
        source.skipped.pop(path, None)  # it is there again
        height_width = source.image_shape[:2]
        if self._size is None and image.shape[:2] != height_width:
            raise InputError(
                f"{path!r} in {source.name!r} is {image.shape[0]} x {image.shape[1]} and other "
                f"images are {height_width[0]} x {height_width[1]} (height x width): pass "
                "`image_size=` to bring all to one size (shorter side and centre crop)."
            )
        if self._size is not None and image.dtype == np.uint8:
            # Half the time of TensorFlow's, and what encoders get where it is not installed.
            return conformed(image, self._size, self._source.image_shape[2])
        return image

    def _too_few(self, found, wanted):
        source = self._source
        raise InputError(
            f"Only {found} of the {source.count} files in {source.name!r} can be read, too few "
            f"for a batch of {wanted}: pass a smaller `batch_size`, or look at the files that were "
            "skipped."
        )


def _is_image(number, image):
    return tf.size(image) > 0
