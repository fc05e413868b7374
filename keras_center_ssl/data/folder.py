"""Folders of images: decoded in parallel, what cannot be read skipped and listed."""

import dataclasses
import functools
import hashlib
import os
import pathlib

import numpy as np

from keras_center_ssl.data.decode import conform, decode, is_wide
from keras_center_ssl.data.sources import SAMPLE, Source, evenly_spaced
from keras_center_ssl.errors import InputError
from keras_center_ssl.images import listing


def folder(source, split):
    """The `FolderSource` of a folder's path and split (see `images.listing`), or None."""
    place = listing.find_folder(source, split)
    return None if place is None else list_folder(*place)


def list_folder(root, name):
    """The `FolderSource` of the images below `root`."""
    files = listing.list_images(root, name)
    return FolderSource(
        root=files.root,
        paths=files.paths,
        all_labels=files.labels,
        class_names=files.class_names,
        name=name,
        skipped=files.skipped,
    )


@dataclasses.dataclass(frozen=True, eq=False)
class FolderSource(Source):
    """Image files below a folder. JPEG, PNG, BMP, GIF and WebP; see `decode.decode`.

    Attributes:
        root: path of the folder.
        paths: the files, relative to `root`.
        all_labels: int32 array, for each file the number of its first folder level, or None where
            there are not at least two such folders, or images outside of them.
        class_names: the names of those folders, sorted.
        name: what to call the data in a report.
        skipped: dict, file -> reason; grows as files are read.
        image_shape: `(H, W, C)`, known from `conformed` on.
        wide: whether there are PNGs of 16 bits a channel, and images are float32 for that.
        resize: whether files are brought to the size when they are read.
    """

    root: str
    paths: listing.Paths
    all_labels: np.ndarray | None = None
    class_names: tuple = ()
    name: str = "folder"
    skipped: dict = dataclasses.field(default_factory=dict, repr=False)
    image_shape: tuple | None = None
    wide: bool = False
    resize: bool = False

    from_disk = True

    @property
    def count(self):
        """The number of files listed."""
        return len(self.paths)

    @property
    def dtype(self):
        return "float32" if self.wide else "uint8"

    @property
    def has_labels(self):
        return self.all_labels is not None

    @property
    def labels(self):
        """Labels of the files not known to be unreadable; after a pass, of those that were read."""
        if self.all_labels is None or not self.skipped:
            return self.all_labels
        return self.all_labels[[self.paths[n] not in self.skipped for n in range(self.count)]]

    @functools.cached_property
    def fingerprint(self):
        """16 hexadecimal digits over names and sizes of all files and the content of 64 of them.

        No times of change: a copy of the folder has the same fingerprint. An edit that keeps a
        file's size goes unseen, unless the file is among the 64 (evenly spaced).
        """
        digest = hashlib.sha256(self.paths.lengths.tobytes())
        for number in range(self.count):
            path = self.paths[number]
            digest.update(os.fsencode(path))
            try:
                size = os.stat(os.path.join(self.root, path)).st_size
            except OSError:
                size = -1
            digest.update(size.to_bytes(8, "little", signed=True))
        for number in evenly_spaced(self.count, SAMPLE):
            try:
                digest.update(pathlib.Path(self.root, self.paths[number]).read_bytes())
            except OSError:
                digest.update(b"unreadable")
        return digest.hexdigest()[:16]

    def take(self, limit):
        """So many files, evenly spaced over the list: the first ones would be of one class."""
        if limit >= self.count:
            return self
        numbers = evenly_spaced(self.count, limit)
        labels = None if self.all_labels is None else self.all_labels[numbers]
        return dataclasses.replace(self, paths=self.paths.select(numbers), all_labels=labels)

    def conformed(self, size, channels):
        """The source with the shape of its images, found on 64 files evenly spaced over the list.

        Raises:
            InputError: where none of these can be read, or they differ in size and no `size` is
                given.
        """
        resize = self.resize or size is not None
        if self.image_shape:
            size, channels = size or self.image_shape[:2], channels or self.image_shape[2]
            if (*size, channels) == self.image_shape:
                return self
        shapes, wide = {}, False
        for number in evenly_spaced(self.count, SAMPLE):
            path = self.paths[number]
            try:
                content = pathlib.Path(self.root, path).read_bytes()
                shapes[path] = _decoded(content).shape
                wide = wide or is_wide(content)
            except _Unreadable as error:
                self.skipped[path] = str(error)
            except OSError as error:
                self.skipped[path] = error.strerror
        if not shapes:
            path, reason = next(iter(self.skipped.items()))
            looked = min(self.count, SAMPLE)
            raise InputError(
                f"The folder {self.name!r} has no readable images: of {self.count} files that end "
                f"like one, {looked} were opened and none could be read (the first: {path!r}, "
                f"{reason}). Accepted: JPEG, PNG, BMP, GIF and WebP."
            )
        if size is None:
            size = _common_size(self.name, shapes)
        if channels is None:
            channels = 1 if all(shape[2] <= 2 for shape in shapes.values()) else 3
        return dataclasses.replace(self, image_shape=(*size, channels), wide=wide, resize=resize)

    # -- reading, in TensorFlow --

    def read(self, with_labels):
        """A function from numbers of files to `(images,)` or `(images, labels)`.

        It takes an int64 tensor of numbers and, to fill a batch up, a function to further numbers,
        which are taken in order in place of files that cannot be read; without it the batch just
        gets smaller.
        """
        import tensorflow as tf

        size, channels = self.image_shape[:2], self.image_shape[2]
        with tf.device("CPU:0"):
            root = tf.constant(os.fsencode(os.path.join(self.root, "")))
            text = tf.constant(self.paths.text)
            starts, lengths = tf.constant(self.paths.starts), tf.constant(self.paths.lengths)
            labels = tf.constant(self.all_labels) if with_labels else None

        def one(number):
            path = tf.strings.substr(text, starts[number], tf.cast(lengths[number], tf.int64))
            content = tf.io.read_file(root + path)
            image = conform(decode(content, self.wide), size if self.resize else None, channels)
            return number, image

        def alike(number, image):
            wrong = tf.reduce_any(tf.shape(image)[:2] != size)
            height_width = tf.shape(image)[:2]
            check = tf.cond(
                wrong,
                lambda: tf.numpy_function(self._wrong_size, [number, height_width], tf.bool),
                lambda: True,
            )
            with tf.control_dependencies([check]):
                return number, tf.ensure_shape(image, self.image_shape)

        def batch(numbers, more=None):
            candidates = tf.data.Dataset.from_tensor_slices(numbers)
            if more is not None:
                further = tf.data.Dataset.range(1).flat_map(
                    lambda _: tf.data.Dataset.from_tensor_slices(more())
                )
                candidates = candidates.concatenate(further)
            # `ignore_errors` is the only try and except of a TensorFlow graph; what it swallowed
            # shows in the numbers that are missing.
            found = candidates.map(one).ignore_errors().map(alike)
            nothing = tf.data.Dataset.from_tensors(
                (tf.zeros([0], tf.int64), tf.zeros([0, *self.image_shape], self.dtype))
            )
            found = found.batch(tf.size(numbers, tf.int64)).concatenate(nothing).take(1)
            read, images = found.get_single_element()
            whole = tf.equal(tf.size(read), tf.size(numbers))
            whole = tf.cond(whole, lambda: tf.reduce_all(read == numbers), lambda: False)
            full = more is not None
            checked = tf.cond(
                whole,
                lambda: True,
                lambda: tf.numpy_function(self._note, [numbers, read, full], tf.bool),
            )
            with tf.control_dependencies([checked]):
                images = tf.identity(images)
            if full:
                images = tf.ensure_shape(images, [*numbers.shape, *self.image_shape])
                read = tf.ensure_shape(read, numbers.shape)
            return (images, tf.gather(labels, read)) if with_labels else (images,)

        return batch

    def _note(self, numbers, read, full):
        """Writes down the files of `numbers` that were not read, and why."""
        for number in np.setdiff1d(numbers, read):
            path = self.paths[number]
            if path not in self.skipped:
                self.skipped[path] = _reason(os.path.join(self.root, path))
        if full and len(read) < len(numbers):
            raise InputError(
                f"Only {len(read)} of the {self.count} files in {self.name!r} can be read, too few "
                f"for a batch of {len(numbers)}: pass a smaller `batch_size`, or look at the "
                "files that were skipped."
            )
        return True

    def _wrong_size(self, number, height_width):
        height, width = height_width
        raise InputError(
            f"{self.paths[int(number)]!r} in {self.name!r} is {height} x {width} and other images "
            f"are {self.image_shape[0]} x {self.image_shape[1]} (height x width): pass "
            "`image_size=` to bring all to one size (shorter side and centre crop)."
        )


class _Unreadable(Exception):
    """Why a file is no image."""


def _decoded(content):
    import tensorflow as tf

    if not content:
        raise _Unreadable("an empty file")
    try:
        return decode(tf.constant(content)).numpy()
    except tf.errors.OpError as error:
        # "{{function_node ...}} what is wrong [Op:DecodeImage]"
        words = error.message.split("}}")[-1].split(" [Op:")[0].strip().rstrip(".")
        known = (
            "no image of a known format" if "Unknown image file" in words else f"damaged ({words})"
        )
        raise _Unreadable(known) from None


def _reason(path):
    try:
        _decoded(pathlib.Path(path).read_bytes())
    except _Unreadable as error:
        return str(error)
    except OSError as error:
        return error.strerror
    return "not readable at that moment"


def _common_size(name, shapes):
    (first, shape), *others = shapes.items()
    for path, other in others:
        if other[:2] != shape[:2]:
            raise InputError(
                f"The images in {name!r} differ in size: {first!r} is {shape[0]} x {shape[1]} and "
                f"{path!r} is {other[0]} x {other[1]} (height x width). Pass `image_size=`, e.g. "
                "256 for views of 224 pixels: the shorter side is resized to it and the middle "
                "of the longer one kept."
            )
    return tuple(shape[:2])
