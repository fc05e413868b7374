"""Which images a folder holds, without reading them."""

import dataclasses
import os
import pathlib

import numpy as np

from keras_center_ssl.errors import InputError
from keras_center_ssl.images.walk import SUFFIXES, Walk

_TEST_FOLDERS = ("test", "val", "valid", "validation")


def find_folder(source, split):
    """`(root, name)` of the folder that a path and a split stand for, or None for no folder.

    A folder that holds `train` has splits: `train`, and `test` (or `val`, `valid`, `validation`).
    Any other is one set, whatever the split.
    """
    root = pathlib.Path(source).expanduser()
    if not root.is_dir():
        return None
    name = str(source)
    if (root / "train").is_dir():
        names = ("train",) if split == "train" else _TEST_FOLDERS
        inside = next((n for n in names if (root / n).is_dir()), None)
        if inside is None:
            raise InputError(
                f"The folder {str(source)!r} has a folder train and none for the split 'test': add "
                f"one of {', '.join(_TEST_FOLDERS)}, or name another folder for the test images."
            )
        root, name = root / inside, f"{name}/{inside}"
    return root, name


@dataclasses.dataclass(frozen=True, eq=False)
class Paths:
    """Many paths in little memory: one string of bytes, and where each path begins and ends."""

    text: bytes
    starts: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, pieces):
        """The `Paths` of a list of bytes."""
        lengths = np.array([len(piece) for piece in pieces], "int32")
        starts = np.concatenate([[0], np.cumsum(lengths[:-1], dtype="int64")]).astype("int64")
        return cls(b"".join(pieces), starts, lengths)

    def __len__(self):
        return len(self.starts)

    def __getitem__(self, number):
        start = self.starts[number]
        return os.fsdecode(self.text[start : start + self.lengths[number]])

    def select(self, numbers):
        return Paths(self.text, self.starts[numbers], self.lengths[numbers])


@dataclasses.dataclass(frozen=True, eq=False)
class Listing:
    """The image files below a folder.

    Attributes:
        root: path of the folder.
        paths: the files, relative to `root`.
        labels: int32 array, for each file the number of its first folder level, or None where
            there are not at least two such folders, or images outside of them.
        class_names: the names of those folders, sorted.
        skipped: dict, file or folder that was not taken -> reason.
    """

    root: str
    paths: Paths
    labels: np.ndarray | None
    class_names: tuple
    skipped: dict


def list_images(root, name):
    """The `Listing` of the image files below `root`; see `walk.Walk` for which these are.

    Raises:
        InputError: Where there are none, or `root` cannot be read.
    """
    walk = Walk(root)
    if "" in walk.skipped:
        raise InputError(f"The folder {name!r} cannot be read: {walk.skipped['']}.")
    if not walk.files:
        raise _without_images(name, walk)
    # One class, or images outside of all classes: the folders do not say what is in the images.
    labelled = len(walk.classes) > 1 and not walk.loose
    return Listing(
        root=os.fspath(root),
        paths=Paths.of(walk.files),
        labels=np.array(walk.labels, "int32") if labelled else None,
        class_names=tuple(walk.classes) if labelled else (),
        skipped=walk.skipped,
    )


def _without_images(name, walk):
    also = f" It holds {walk.others} other file(s)." if walk.others else ""
    if walk.skipped:
        path, reason = next(iter(walk.skipped.items()))
        more = len(walk.skipped) - 1
        also += f" Not taken: {path!r} ({reason}){f' and {more} more' if more else ''}."
    return InputError(
        f"The folder {name!r} has no images in it or in the folders below: no file ends in one of "
        f"{', '.join(SUFFIXES)}.{also}"
    )
