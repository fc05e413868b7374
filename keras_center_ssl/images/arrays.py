"""Arrays of images in .npy and .npz files, mapped into memory where they can be."""

import math
import pathlib
import zipfile

import numpy as np

from keras_center_ssl.errors import InputError
from keras_center_ssl.files import numpy_reason
from keras_center_ssl.images.memory import check_memory

_LOCAL_HEADER = 30  # bytes of a zip member's header before its name (APPNOTE.TXT 4.3.7)


def is_numpy_file(path):
    """Whether a path ends like a NumPy file."""
    return path.suffix.lower() in (".npy", ".npz")


def open_arrays(source, split):
    """Images, labels or None, and the source's name, of a .npy or .npz file.

    A .npz holds `images` and, optional, `labels`; or, with splits, `x_train`, `y_train`, `x_test`,
    `y_test`, or `train_images`, `train_labels`, `test_images`, `test_labels`; or one array of
    images of any name. Members that `np.savez` wrote are mapped; those of `np.savez_compressed`
    cannot be and are read whole.

    Raises:
        InputError: For a file that is damaged, holds no images, or does not fit into memory.
    """
    path, name = pathlib.Path(source).expanduser(), str(source)
    if not path.is_file():  # opening a pipe would wait for its writer
        raise InputError(f"{name!r} is no regular file, but ends like a NumPy file.")
    try:
        if path.suffix.lower() == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False), None, name
        with zipfile.ZipFile(path) as archive:
            images, labels, part = members_of_npz(archive.namelist(), split, name)
            labels = np.asarray(_open(path, archive, labels)) if labels else None
            return _open(path, archive, images), labels, name + part
    except InputError:
        raise
    except Exception as error:  # whatever NumPy and zipfile meet in a damaged file
        raise InputError(
            f"{name!r} cannot be read as a NumPy file: {numpy_reason(error)}. Accepted: what "
            "np.save, np.savez and np.savez_compressed write, of numbers."
        ) from None


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


def _open(path, archive, member):
    """An array of an .npz file: mapped where it is stored as it is, read where compressed."""
    info = archive.getinfo(member)
    if info.compress_type != zipfile.ZIP_STORED:
        with archive.open(info) as file:
            _, _, _, size = _header(file)
            if size > info.file_size:
                raise ValueError(f"{member} declares {size} bytes and holds {info.file_size}")
        check_memory(str(path), size)
        with archive.open(info) as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    with open(path, "rb") as file:
        file.seek(info.header_offset + _LOCAL_HEADER - 4)
        extra = sum(int.from_bytes(file.read(2), "little") for _ in range(2))
        file.seek(info.header_offset + _LOCAL_HEADER + extra)
        shape, fortran, dtype, size = _header(file)
        if not size:
            return np.zeros(shape, dtype)
        return np.memmap(path, dtype, "r", file.tell(), shape, "F" if fortran else "C")


def _header(file):
    """Shape, whether in Fortran's order, dtype and bytes of the array that a file begins with."""
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"version {version} of the .npy format")
    shape, fortran, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("an array of Python objects")
    return shape, fortran, dtype, math.prod(shape) * dtype.itemsize
