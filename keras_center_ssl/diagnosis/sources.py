"""Where embeddings come from, in blocks of rows: arrays, memory maps, .npy and .npz files.

A source has `samples`, `dimension`, `views`, `notes` (sentences for the reader) and `blocks()`,
which yields lists of one `(b, d)` block per view, in order, as often as it is asked. Nothing larger
than a block is held in memory.
"""

import contextlib
import pathlib
import zipfile
import zlib

import numpy as np

from keras_center_ssl import geometry
from keras_center_ssl.diagnosis import feature_maps
from keras_center_ssl.errors import InputError
from keras_center_ssl.files import numpy_reason

_BLOCK_ENTRIES = 2**22


def from_arrays(z1, z2=None, data_format=None):
    """A source over one or two arrays of shape `(n, d)`, or feature maps (`feature_maps`)."""
    feature_maps.check_data_format(data_format)
    z1, z2 = geometry.as_views(z1, z2, check=_as_embeddings)
    return _Arrays(z1, z2, _layout(z1.shape, data_format, "z" if z2 is None else "z1"))


def from_file(path, data_format=None):
    """A source over a `.npy` or `.npz` file, of the names that `diagnosis.diagnose_file` tells."""
    feature_maps.check_data_format(data_format)
    path = pathlib.Path(path)
    if not path.is_file():
        raise InputError(
            f"Received {str(path)!r}, which is no file. Accepted: the path of a .npy or .npz file "
            "of embeddings."
        )
    try:
        if path.suffix == ".npz":
            return _open_npz(path, data_format)
        z = np.load(path, mmap_mode="r", allow_pickle=False)
    except InputError:
        raise
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise InputError(
            f"Received {str(path)!r}, which cannot be read as a NumPy file: "
            f"{numpy_reason(error)}. "
            "Accepted: a .npy file with one array or an .npz file with several, as numpy.save and "
            "numpy.savez write them, of numbers."
        ) from error
    if not isinstance(z, np.ndarray):
        z.close()
        return _open_npz(path, data_format)
    return from_arrays(z, data_format=data_format)


def sample_of_file(path, size, seed=0, data_format=None):
    """Random rows of a file's first view, in their order, for pictures.

    Args:
        path: A `.npy` or `.npz` file, as in `from_file`.
        size: How many rows, at most.
        seed: Of the choice.
        data_format: As in `from_file`.

    Returns:
        `(rows, labels)`: `(m, d)` float64, and `(m,)` labels or `None`. Labels are the array
        `labels` or `y` of an `.npz` file, if it has one entry a row.
    """
    source = from_file(path, data_format)
    chosen = geometry.subsample(np.arange(source.samples), size, seed)
    rows, start = [], 0
    for first, *_ in source.blocks():
        end = start + len(first)
        inside = chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, end)]
        rows.append(np.asarray(first, dtype=np.float64)[inside - start])
        start = end
    labels = _labels(path, source.samples)
    return np.concatenate(rows), None if labels is None else labels[chosen]


def _labels(path, samples):
    if not zipfile.is_zipfile(path):
        return None
    with _reading(path), np.load(path, allow_pickle=False) as archive:
        for name in ("labels", "y"):
            if name in archive.files and archive[name].shape == (samples,):
                return archive[name]
    return None


def _as_embeddings(z, name="z"):
    """2-D embeddings or 4-D feature maps; anything else is refused with `geometry.as_rows`."""
    z = geometry.as_array(z, name)
    if z.ndim == 4 and 0 not in z.shape[1:]:
        geometry.as_rows(z[:, 0, 0, :], name)
        return z
    return geometry.as_rows(z, name)


def _layout(shape, data_format, name):
    return feature_maps.layout(shape, data_format, name) if len(shape) == 4 else None


class _Arrays:
    """Arrays or memory maps in blocks of rows, feature maps averaged over height and width."""

    def __init__(self, z1, z2, data_format):
        self.arrays = [z for z in (z1, z2) if z is not None]
        self.data_format = data_format
        self.samples = z1.shape[0]
        self.dimension = feature_maps.dimension(z1.shape, data_format)
        self.views = len(self.arrays)
        self.notes = feature_maps.note(z1.shape, data_format)

    def blocks(self):
        step = _block_rows(self.arrays[0].shape)
        for start in range(0, self.samples, step):
            yield [
                feature_maps.pooled(z[start : start + step], self.data_format) for z in self.arrays
            ]


def _block_rows(shape):
    return max(1, _BLOCK_ENTRIES // int(np.prod(shape[1:])))


def _open_npz(path, data_format):
    archive = zipfile.ZipFile(path)
    members = {name.removesuffix(".npy"): _Member(archive, name) for name in archive.namelist()}
    fit = [key for key, member in members.items() if len(member.shape) in (2, 4)]
    if "z1" in fit:
        keys = [key for key in ("z1", "z2") if key in members]
    else:
        keys = [key for key in ("z", "features", "embeddings", *fit) if key in fit][:1]
    if not keys:
        found = ", ".join(f"{key} {member.shape}" for key, member in members.items())
        raise InputError(
            f"Received {str(path)!r} with {found or 'no arrays'}. Accepted: arrays of shape "
            "(samples, dimensions) named z1 and z2, or z, features or embeddings."
        )
    views = [members[key] for key in keys]
    z1, z2 = geometry.as_views(*views, check=_as_stream)
    return _Stream(z1, z2, _layout(z1.shape, data_format, keys[0]))


def _as_stream(member, name="z"):
    # A view of one entry with the member's shape: shape and type are checked without reading it.
    _as_embeddings(np.broadcast_to(np.zeros((), member.dtype), member.shape), name)
    return member


@contextlib.contextmanager
def _reading(path):
    """Damage that shows in the middle of a file, in words."""
    try:
        yield
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            f"{str(path)!r} cannot be read to its end: {numpy_reason(error)}. Accepted: arrays of "
            "numbers, and labels of numbers or strings; write the file anew with numpy.savez."
        ) from error


class _Member:
    """One array of an .npz file: its header at once, its rows in order and only when asked."""

    def __init__(self, archive, name):
        self.archive, self.name = archive, name
        with archive.open(name) as stream:
            self.shape, self.fortran, self.dtype = self._header(stream)

    def rows(self, step):
        with _reading(self.archive.filename), self.archive.open(self.name) as stream:
            self._header(stream)
            if self.fortran:
                # Stored by columns: no row is complete before the last column.
                flat = np.frombuffer(stream.read(), self.dtype)
                whole = flat.reshape(self.shape, order="F")
                yield from (whole[start : start + step] for start in range(0, len(whole), step))
                return
            row_bytes = self.dtype.itemsize * int(np.prod(self.shape[1:]))
            for start in range(0, self.shape[0], step):
                count = min(step, self.shape[0] - start)
                block = stream.read(count * row_bytes)
                yield np.frombuffer(block, self.dtype).reshape(count, *self.shape[1:])

    @staticmethod
    def _header(stream):
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        return read(stream)


class _Stream:
    """Members of an .npz file, read in step."""

    def __init__(self, z1, z2, data_format):
        self.members = [member for member in (z1, z2) if member is not None]
        self.data_format = data_format
        shape = z1.shape
        self.samples, self.dimension = shape[0], feature_maps.dimension(shape, data_format)
        self.views = len(self.members)
        self.notes = feature_maps.note(shape, data_format)

    def blocks(self):
        step = _block_rows(self.members[0].shape)
        parts = zip(*(member.rows(step) for member in self.members), strict=True)
        for views in parts:
            yield [feature_maps.pooled(z, self.data_format) for z in views]
