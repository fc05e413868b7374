"""What the index of a zoo says, checked before it is believed.

    {"schema_version": 1,
     "models": {NAME: {"method", "dataset", "encoder", "feature_dim", "input_shape", "knn_accuracy",
                       "verdict", "license",
                       "files": {"encoder.onnx": {"size": BYTES, "sha256": HEX}, ...}}}}

An index comes from elsewhere, names files that are written here, and is printed on terminals: its
names, paths, sizes and hashes are checked, and text with control characters is refused.

Neither NumPy, Keras nor TensorFlow is loaded for it.
"""

import dataclasses
import hashlib
import re
import reprlib
from pathlib import PurePosixPath
from typing import Any, TypeGuard

from keras_center_ssl.errors import InputError
from keras_center_ssl.export.formats import FORMATS
from keras_center_ssl.files import is_plain_name
from keras_center_ssl.records import parse_object

SCHEMA_VERSION = 1
INDEX = "index.json"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST_TEXT = 1000
_LARGEST_FILE = 2**50
_LARGEST_DIMENSION = 2**31

# A value of any kind and length, as an error shows it.
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


@dataclasses.dataclass(frozen=True)
class ZooFile:
    """A file of an entry: its size in bytes and its SHA-256, 64 lower-case hex digits."""

    size: int
    sha256: str


@dataclasses.dataclass(frozen=True, repr=False)
class ZooEntry:
    """One published encoder, as the index describes it. Fields without a value are `None`.

    Attributes:
        name: Name to pass to `load` and `download`.
        method: SSL method, such as `"SimSiam"`.
        dataset: What it was trained on.
        encoder: Name of the architecture.
        feature_dim: Number of features.
        input_shape: `(height, width, channels)`, `None` where a size is free; values in [0, 1].
        knn_accuracy: k-NN accuracy of the features, in [0, 1].
        verdict: Of `kcs.diagnose`, such as `"healthy"`.
        license: SPDX id.
        files: Path relative to the entry -> `ZooFile`.
    """

    name: str
    method: str | None
    dataset: str | None
    encoder: str | None
    feature_dim: int | None
    input_shape: tuple | None
    knn_accuracy: float | None
    verdict: str | None
    license: str | None
    files: dict

    @property
    def formats(self):
        """The names of the formats it can be had in, of those in `kcs.export.FORMATS`."""
        return tuple(sorted(each.name for each in FORMATS.values() if each.main_file in self.files))

    @property
    def size(self):
        """Bytes of all its files together."""
        return sum(file.size for file in self.files.values())

    def __repr__(self):
        accuracy = None if self.knn_accuracy is None else f"k-NN {self.knn_accuracy:.3f}"
        shape = f"{self.input_shape} -> {self.feature_dim}" if self.input_shape else None
        facts = (self.method, self.encoder, self.dataset, shape, accuracy, self.verdict)
        formats = "+".join(self.formats)
        told = [str(fact) for fact in (*facts, formats, f"{self.size / 1e6:.1f} MB") if fact]
        return f"<{self.name}: {', '.join(told)}>"


def parse_index(data, address, sha256=None):
    """Name -> `ZooEntry` from the bytes of an index, everything in it checked.

    Args:
        data: The bytes.
        address: Of the zoo, for errors.
        sha256: The SHA-256 that the index has to have, where one is demanded.

    Raises:
        InputError: Saying what is wrong, and in which zoo.
    """
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise InputError(
            f"The index of the zoo {address!r} has the SHA-256 {hashlib.sha256(data).hexdigest()} "
            f"and not {sha256}, which was demanded (index_sha256=): the zoo was changed. Look at "
            "what it holds now before you demand the new one."
        )
    content = parse_object(data, f"The index of the zoo {address!r}", needs="schema_version")
    try:
        return _entries(content)
    except _Wrong as error:
        raise InputError(f"The index of the zoo {address!r} is invalid: {error}.") from None


def checked_sha256(text):
    """A SHA-256 in lower case.

    Raises:
        InputError: If it is none.
    """
    lower = text.lower() if isinstance(text, str) else ""
    if not _SHA256.fullmatch(lower):
        raise InputError(f"index_sha256= is a SHA-256, 64 hex digits; received {text!r}.")
    return lower


class _Wrong(ValueError):
    """What is wrong with an index."""


def _entries(content):
    if content["schema_version"] != SCHEMA_VERSION:
        raise _Wrong(
            f"it has schema_version {_SHORT.repr(content['schema_version'])}; this version of "
            f"keras-center-ssl reads {SCHEMA_VERSION}. Update the package, or publish the zoo anew"
        )
    models = content.get("models")
    if not isinstance(models, dict):
        raise _Wrong("it has no object 'models'")
    return {name: _entry(name, models[name]) for name in sorted(models)}


def _entry(name, data):
    if not is_name(name):
        raise _Wrong(f"the name {_SHORT.repr(name)} is not letters, digits, '.', '_' and '-'")
    if not isinstance(data, dict) or not isinstance(data.get("files"), dict):
        raise _Wrong(f"the entry {name!r} has no object 'files'")
    summary = {}
    for field, accepts in _SUMMARY.items():
        value = data.get(field)
        if isinstance(value, str) and not value.isprintable():
            raise _Wrong(f"the entry {name!r} has control characters in {field}")
        if value is not None and not accepts(value):
            raise _Wrong(f"the entry {name!r} has {field} = {_SHORT.repr(value)}")
        summary[field] = tuple(value) if isinstance(value, list) else value
    return ZooEntry(name=name, **summary, files=_files(name, data["files"]))


def _is_text(value):
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT


def _is_dimension(value):
    return type(value) is int and 0 < value < _LARGEST_DIMENSION


def _is_shape(value):
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(size is None or _is_dimension(size) for size in value)
    )


def _is_share(value):
    return type(value) in (int, float) and 0 <= value <= 1


# The fields beside `files`, and what they may be.
_SUMMARY = {
    "method": _is_text,
    "dataset": _is_text,
    "encoder": _is_text,
    "feature_dim": _is_dimension,
    "input_shape": _is_shape,
    "knn_accuracy": _is_share,
    "verdict": _is_text,
    "license": _is_text,
}


def _files(name, data):
    files = {}
    for path, record in data.items():
        if not is_safe_path(path):
            raise _Wrong(
                f"the entry {name!r} names the file {_SHORT.repr(path)}, which could leave its "
                "folder"
            )
        size = record.get("size") if isinstance(record, dict) else None
        sha256 = record.get("sha256") if isinstance(record, dict) else None
        if type(size) is not int or not 0 <= size <= _LARGEST_FILE:
            raise _Wrong(f"the file {path!r} of {name!r} has size {_SHORT.repr(size)}")
        if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
            raise _Wrong(
                f"the file {path!r} of {name!r} has sha256 {_SHORT.repr(sha256)}, not 64 hex digits"
            )
        files[path] = ZooFile(size, sha256)
    folders = {str(folder) for path in files for folder in PurePosixPath(path).parents}
    for path in folders & set(files):
        raise _Wrong(f"the entry {name!r} has {path!r} as a file and as a folder")
    return files


def is_name(name: Any) -> TypeGuard[str]:
    """Whether `name` can name an entry, and with it a folder."""
    return is_plain_name(name) and ".." not in name


def is_safe_path(path):
    """Whether `path` is a plain relative path with `/`, that stays in the folder it is joined to.

    Refused: absolute paths, `..` and `.`, empty parts, backslashes, colons (drive letters), control
    characters, parts that end in a space or a dot (Windows drops these), and the names that a
    download uses itself.
    """
    if not isinstance(path, str) or not path.isprintable() or len(path) > 500:
        return False
    parts = path.split("/")
    return (
        not any(sign in path for sign in '\\:*?"<>|')
        and all(part not in ("", ".", "..") and part[-1] not in ". " for part in parts)
        and not parts[-1].endswith(".part")
    )
