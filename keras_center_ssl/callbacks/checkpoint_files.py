"""Checkpoint files: written whole or not at all, and never believed without their hash.

A checkpoint is a file in the safetensors format (eight bytes of length, a JSON table of names,
dtypes, shapes and offsets, then the raw arrays), so that other programs can open it. Its last
array, `sha256`, is the SHA-256 of every byte before it.

The library safetensors reads it. It does not write it: its writer takes all arrays at once, where
ours fetches one variable at a time, so that a model needs no second copy of itself in memory, and
ends in the hash of what it has written.
"""

import contextlib
import hashlib
import json
import pathlib
import re
import warnings

import numpy as np

from keras_center_ssl.errors import CheckpointWarning
from keras_center_ssl.files import atomic_file, remove_unfinished

_CODES = {
    "bool": "BOOL",
    "uint8": "U8",
    "int8": "I8",
    "uint16": "U16",
    "int16": "I16",
    "uint32": "U32",
    "int32": "I32",
    "uint64": "U64",
    "int64": "I64",
    "bfloat16": "BF16",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
}
_DIGEST = "sha256"
_NAME = re.compile(r"step-(\d{8,})\.safetensors")


class DamagedCheckpoint(Exception):
    """A file that is no checkpoint, or not the one that was written."""


class CheckpointFolder:
    """The newest checkpoints of a training, named by their step.

    Args:
        folder: Made with the first checkpoint.
        keep: How many to keep; with 2 there is one to go back to when the newest is damaged.
    """

    def __init__(self, folder, keep=2):
        self.folder = pathlib.Path(folder)
        self.keep = keep

    def files(self):
        """Paths of the checkpoints, newest first."""
        if not self.folder.is_dir():
            return []
        found = [(int(m[1]), p) for p in self.folder.iterdir() if (m := _NAME.fullmatch(p.name))]
        return [path for _, path in sorted(found, reverse=True)]

    def write(self, step, arrays, state):
        """Writes the checkpoint of `step`, then deletes the ones that are one too many.

        Args:
            step: int, steps since the training began.
            arrays: dict of name to array, or to anything with `dtype` and `shape` that
                `np.asarray` takes; variables are fetched one at a time.
            state: What JSON can hold.

        Returns:
            The path of the file.

        Raises:
            OSError: Where it cannot be written. The checkpoints from before are all there, then.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(self.folder)
        path = self.folder / f"step-{step:08d}.safetensors"
        with atomic_file(path) as file:
            _write(file, arrays, state)
        for old in self.files()[self.keep :]:
            old.unlink(missing_ok=True)
        return path

    def read(self):
        """The newest checkpoint that is whole, as `(path, arrays, state)`, or `None`.

        Warns with `CheckpointWarning` of each damaged one that is passed over.
        """
        for path in self.files():
            try:
                return (path, *read(path))
            except (DamagedCheckpoint, OSError) as error:
                warnings.warn(
                    CheckpointWarning(
                        f"The checkpoint {str(path)!r} is damaged ({error}) and is passed over."
                    ),
                    stacklevel=2,
                )
        return None

    def clear(self):
        """Deletes all checkpoints, and the folder where nothing else is in it."""
        for path in self.files():
            path.unlink(missing_ok=True)
        if self.folder.is_dir():
            remove_unfinished(self.folder)
        with contextlib.suppress(OSError):
            self.folder.rmdir()


def read(path):
    """Reads a checkpoint and compares its hash.

    Returns:
        `(arrays, state)`: a dict of name to array in the order they were written, and what else was
        saved.

    Raises:
        DamagedCheckpoint: If a byte is missing or is not the one that was written.
    """
    import safetensors

    _check_hash(path)
    # From here on it is what was written.
    with safetensors.safe_open(path, "numpy") as file:
        state = json.loads(file.metadata()["state"])
        names = [name for name in file.offset_keys() if name != _DIGEST]
        return {name: file.get_tensor(name) for name in names}, state


def _check_hash(path):
    left = pathlib.Path(path).stat().st_size - 32
    if left < 8:
        raise DamagedCheckpoint(f"it has {left + 32} bytes")
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while left and (part := file.read(min(left, 2**20))):
            digest.update(part)
            left -= len(part)
        if file.read() != digest.digest():
            raise DamagedCheckpoint("its content does not match its SHA-256")


def _write(file, arrays, state):
    specs = {name: (str(array.dtype), tuple(array.shape)) for name, array in arrays.items()}
    specs[_DIGEST] = ("uint8", (32,))
    table, offset = {"__metadata__": {"state": json.dumps(state)}}, 0
    for name, (dtype, shape) in specs.items():
        end = offset + _dtype(dtype).itemsize * int(np.prod(shape, dtype="int64"))
        table[name] = {
            "dtype": _CODES[dtype],
            "shape": list(shape),
            "data_offsets": [offset, end],
        }
        offset = end
    header = json.dumps(table).encode()
    header += b" " * (-len(header) % 8)
    digest = hashlib.sha256()

    def put(part):
        digest.update(part)
        file.write(part)

    put(len(header).to_bytes(8, "little"))
    put(header)
    for array in arrays.values():
        put(np.asarray(array).tobytes())
    file.write(digest.digest())


def _dtype(name):
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)
