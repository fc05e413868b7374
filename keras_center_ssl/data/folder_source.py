"""Folders of images: listed once, decoded in parallel, what cannot be read skipped and listed."""

import dataclasses
import functools
import hashlib
import os

import numpy as np

from keras_center_ssl.data.decode import is_wide, read_image
from keras_center_ssl.data.folder_reading import FolderReader
from keras_center_ssl.data.graph_errors import input_errors
from keras_center_ssl.data.into_memory import read_all
from keras_center_ssl.data.numbered import NumberedSource
from keras_center_ssl.data.source import SAMPLE, check_hold_out, evenly_spaced
from keras_center_ssl.errors import InputError
from keras_center_ssl.images import listing
from keras_center_ssl.images.regular_files import Unreadable, open_regular


def folder(source, request):
    """The `FolderSource` of a folder's path and split (see `images.listing`), or None."""
    place = listing.find_folder(source, request.split)
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
class FolderSource(NumberedSource):
    """Image files below a folder. JPEG, PNG, BMP, GIF and WebP; see `images.decoding`.

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
    # Files that one thread decodes before the next thread's turn.
    read_at_a_time = 16

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
    def files(self):
        """The files not known to be unreadable; after a pass, those that were read, in order."""
        paths = (self.paths[number] for number in range(self.count))
        return tuple(path for path in paths if path not in self.skipped)

    @property
    def labels(self):
        """Labels of `files`."""
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
                with open_regular(os.path.join(self.root, self.paths[number])) as file:
                    digest.update(file.read())
            except (OSError, Unreadable):
                digest.update(b"unreadable")
        return digest.hexdigest()[:16]

    def take(self, limit):
        """So many files, evenly spaced over the list: the first ones would be of one class."""
        if limit >= self.count:
            return self
        return self._select(evenly_spaced(self.count, limit))

    def hold_out(self, number):
        """The other files, and `number` files evenly spaced over the list."""
        check_hold_out(number, self.count, self.name)
        held = evenly_spaced(self.count, number)
        kept = np.delete(np.arange(self.count), held)
        return self._select(kept), self._select(held)

    def readable(self):
        """The source of the files that can be read; reads all of them to find out."""
        with input_errors():
            for _ in self.batches(self.read_at_a_time, with_labels=False):
                pass
        found = [number for number in range(self.count) if self.paths[number] not in self.skipped]
        return self if len(found) == self.count else self._select(np.array(found))

    def _select(self, numbers):
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
        shapes, wide = self._looked_at()
        if size is None:
            size = _common_size(self.name, shapes)
        if channels is None:
            channels = 1 if all(shape[2] <= 2 for shape in shapes.values()) else 3
        return dataclasses.replace(self, image_shape=(*size, channels), wide=wide, resize=resize)

    def _looked_at(self):
        """The shapes of 64 files, and whether one of them has 16 bits a channel."""
        shapes, wide = {}, False
        for number in evenly_spaced(self.count, SAMPLE):
            path = self.paths[number]
            file = os.path.join(self.root, path)
            try:
                shapes[path] = read_image(file).shape
                wide = wide or is_wide(file)
            except Unreadable as error:
                self.skipped[path] = str(error)
        if not shapes:
            number = evenly_spaced(self.count, SAMPLE)[0]
            raise InputError(
                f"The folder {self.name!r} has no readable images: of {self.count} files that end "
                f"like one, {min(self.count, SAMPLE)} were opened and none could be read (the "
                f"first: {self.paths[number]!r}, {self.skipped[self.paths[number]]}). Accepted: "
                "JPEG, PNG, BMP, GIF and WebP."
            )
        return shapes, wide

    def in_memory(self):
        return read_all(self)

    def reader(self, with_labels):
        return FolderReader(self, with_labels)


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
