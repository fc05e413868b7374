"""Which images a folder or an .npz file holds, without reading them."""

import dataclasses
import os
import pathlib

import numpy as np

from keras_center_ssl.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp")

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
        skipped: dict, folder that could not be opened -> reason.
    """

    root: str
    paths: Paths
    labels: np.ndarray | None
    class_names: tuple
    skipped: dict


def list_images(root, name):
    """Lists the image files below `root`, in an order that does not depend on the file system.

    Folders are walked once, by `os.scandir`, in the order of their names. Links are followed, but
    no folder is entered twice. Files and folders whose name begins with a dot are left out, and so
    are files that do not end like an image.
    """
    pieces, lengths, labels, skipped = [], [], [], {}
    classes, loose, others, seen = [], 0, 0, set()
    folders = [""]  # still to be listed, relative to `root`, the next one last
    while folders:
        prefix = folders.pop()
        path = os.path.join(root, prefix)
        try:
            # A link into a folder above would lead round and round.
            status = os.stat(path)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(path) as found:
                entries = sorted((e.name, e.is_dir()) for e in found if e.name[0] != ".")
        except OSError as error:
            skipped[prefix] = error.strerror
            continue
        top = prefix.partition("/")[0]
        inner = []
        for entry, is_folder in entries:
            if is_folder:
                inner.append(f"{prefix}{entry}/")
            elif entry.lower().endswith(SUFFIXES):
                if top and (not classes or classes[-1] != top):
                    classes.append(top)
                piece = os.fsencode(prefix + entry)
                pieces.append(piece)
                lengths.append(len(piece))
                labels.append(len(classes) - 1)
                loose += not top
            else:
                others += 1
        folders += reversed(inner)
    if "" in skipped:
        raise InputError(f"The folder {name!r} cannot be read: {skipped['']}.")
    if not pieces:
        endings = ", ".join(SUFFIXES)
        also = f" It holds {others} other file(s)." if others else ""
        denied = f" {len(skipped)} folder(s) in it could not be opened." if skipped else ""
        raise InputError(
            f"The folder {name!r} has no images in it or in the folders below: no file ends in one "
            f"of {endings}.{also}{denied}"
        )
    lengths = np.array(lengths, "int32")
    starts = np.concatenate([[0], np.cumsum(lengths[:-1], dtype="int64")]).astype("int64")
    # One class, or images outside of all classes: the folders do not say what is in the images.
    labelled = len(classes) > 1 and not loose
    return Listing(
        root=os.fspath(root),
        paths=Paths(b"".join(pieces), starts, lengths),
        labels=np.array(labels, "int32") if labelled else None,
        class_names=tuple(classes) if labelled else (),
        skipped=skipped,
    )


def members_of_npz(names, split, name):
    """Of an .npz file: member of the images, of the labels or None, what to add to its name."""
    keys = {member.removesuffix(".npy"): member for member in names}
    for images, labels in ((f"x_{split}", f"y_{split}"), (f"{split}_images", f"{split}_labels")):
        if images in keys:
            return keys[images], keys.get(labels), f"/{split}"
    for images in ("images", "x", *(keys if len(keys) == 1 else ())):
        if images in keys:
            return keys[images], keys.get("labels") or keys.get("y"), ""
    raise InputError(
        f"{name!r} holds {', '.join(sorted(keys)) or 'no arrays'}, and no images for the split "
        f"{split!r}. Accepted: an array `images` (and `labels`), or `x_{split}` (and `y_{split}`), "
        f"or `{split}_images` (and `{split}_labels`), or a single array."
    )
