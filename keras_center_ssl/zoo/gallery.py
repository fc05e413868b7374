"""A gallery for an entry of a zoo that is there already."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from keras_center_ssl.errors import InputError
from keras_center_ssl.zoo.bundles import read_record
from keras_center_ssl.zoo.folder_zoo import FolderZoo
from keras_center_ssl.zoo.index import ZooEntry
from keras_center_ssl.zoo.publish import enter
from keras_center_ssl.zoo.sources import find

if TYPE_CHECKING:
    # It names NumPy, without which a zoo lists and downloads.
    from keras_center_ssl.types import Array, FilePath


def add_gallery(
    name: str,
    zoo_dir: FilePath,
    images: Array | FilePath,
    *,
    labels: Array | None = None,
    class_names: Iterable[str] | None = None,
    data: str | None = None,
    license: str | None = None,
    count: int = 256,
    split: str | None = None,
) -> ZooEntry:
    """Adds pictures to an entry, among which its page finds the neighbours of another picture.

    They are written as `gallery/` into the entry, at most 300 KB (`gallery_files.py` says how), and
    the index is brought up to date: readers see the entry with all of it or without. An entry that
    has a gallery gets the new one in its place. Publish the encoder anew, and its gallery is gone.

    Args:
        name: The entry, which has to have `encoder.onnx`.
        zoo_dir: The zoo's folder.
        images: `(N, H, W, C)` or `(N, H, W)`, uint8 or floats in [0, 1], of the encoder's size; or
            a folder of images, or a `.npy` or `.npz` file. You need the right to publish them.
        labels: `(N,)` whole numbers, shown below the pictures; those of the source if `None`.
        class_names: Names that `labels` count; those of the source if `None`.
        data: What the pictures are, such as `"Fashion-MNIST, test images"`.
        license: Licence of the pictures, an SPDX id.
        count: Most pictures, at least 8; fewer where they would take more than 300 KB.
        split: `"train"` or `"test"`, for sources that have splits; `"test"` if `None`.

    Returns:
        The `ZooEntry` with the gallery.

    Raises:
        InputError: For an unknown entry, one without `encoder.onnx`, and images that the encoder
            does not take.
    """
    from keras_center_ssl.zoo.gallery_files import write_gallery

    zoo = FolderZoo(zoo_dir)
    entry = find(zoo, name)
    if "encoder.onnx" not in entry.files:
        raise InputError(
            f"The encoder {name!r} does not come as ONNX, which finds the features of a gallery. "
            'Export it with "onnx" among its formats.'
        )
    with tempfile.TemporaryDirectory(prefix="center-ssl-gallery-") as folder:
        copy = Path(folder) / name
        # A damaged entry is not given new hashes.
        _copy(zoo, entry, copy)
        write_gallery(
            copy,
            images,
            labels=labels,
            class_names=None if class_names is None else tuple(class_names),
            data=data,
            license=license,
            count=count,
            split=split,
        )
        return enter(copy, zoo_dir, name, True, read_record(copy))


def _copy(zoo, entry, folder):
    from keras_center_ssl.zoo.verify import problems_of

    wrong = problems_of(zoo, entry)
    if wrong:
        raise InputError(
            f"The entry {entry.name!r} does not match the index: {wrong[0]}. Publish it anew."
        )
    for path in entry.files:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(zoo.root / entry.name / path, target)
