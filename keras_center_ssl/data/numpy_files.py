"""Arrays in .npy and .npz files, mapped into memory and not read whole."""

import pathlib
import zipfile

import numpy as np

from keras_center_ssl.data import checks
from keras_center_ssl.data.sources import (
    SAMPLE,
    MappedSource,
    evenly_spaced,
    from_arrays,
    with_channel_axis,
    with_labels,
)
from keras_center_ssl.errors import InputError
from keras_center_ssl.files import numpy_reason
from keras_center_ssl.images import listing

_LOCAL_HEADER = 30  # bytes of a zip member's header before its name (APPNOTE.TXT 4.3.7)


def numpy_file(source, split):
    """The source in a .npy or .npz file, or None for another file.

    A .npz holds `images` and, optional, `labels`; or, with splits, `x_train`, `y_train`, `x_test`,
    `y_test`, or `train_images`, `train_labels`, `test_images`, `test_labels`; or one array of
    images of any name. Members that `np.savez` wrote are mapped; those of `np.savez_compressed`
    cannot be and are read whole.
    """
    path = pathlib.Path(source).expanduser()
    if path.suffix.lower() not in (".npy", ".npz"):
        return None
    name = str(source)
    try:
        if path.suffix.lower() == ".npy":
            return _mapped(np.load(path, mmap_mode="r", allow_pickle=False), None, name)
        with zipfile.ZipFile(path) as archive:
            images, labels, part = listing.members_of_npz(archive.namelist(), split, name)
            arrays = [_open(path, archive, member) for member in (images, labels) if member]
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{name!r} cannot be read as a NumPy file: {numpy_reason(error)}. Accepted: what "
            "np.save, np.savez and np.savez_compressed write, of numbers."
        ) from None
    labels = np.asarray(arrays[1]) if labels else None
    return _mapped(arrays[0], labels, name + part)


def _mapped(images, labels, name):
    if not isinstance(images, np.memmap):
        return from_arrays(images, labels, name)
    images = with_channel_axis(images)
    numbers = evenly_spaced(len(images), SAMPLE)
    checks.check_pixels(np.asarray(images[numbers]), numbers)
    return with_labels(MappedSource(images, None, name), labels)


def _open(path, archive, member):
    """An array of an .npz file: mapped where it is stored as it is, read where compressed."""
    info = archive.getinfo(member)
    if info.compress_type != zipfile.ZIP_STORED:
        checks.check_memory(str(path), info.file_size)
        with archive.open(info) as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    with open(path, "rb") as file:
        file.seek(info.header_offset + _LOCAL_HEADER - 4)
        extra = sum(int.from_bytes(file.read(2), "little") for _ in range(2))
        file.seek(info.header_offset + _LOCAL_HEADER + extra)
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
        if 0 in shape:
            return np.zeros(shape, dtype)
        order = "F" if fortran else "C"
        return np.memmap(path, dtype, "r", file.tell(), shape, order)
