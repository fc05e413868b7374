"""What a zoo is, where it is found, and what its index says.

A zoo is a folder, an `http(s)://` base or a Hugging Face repository (`hf://owner/repo`) that holds
`index.json` and one folder per entry, each an export bundle:

    {"schema_version": 1,
     "models": {NAME: {"method", "dataset", "encoder", "feature_dim", "input_shape", "knn_accuracy",
                       "verdict", "license",
                       "files": {"encoder.onnx": {"size": BYTES, "sha256": HEX}, ...}}}}

An index comes from elsewhere and names files that are written here, so nothing in it is believed
before it is checked: names, paths, sizes and hashes.

Standard library only: listing and downloading load neither NumPy, Keras nor TensorFlow.
"""

import dataclasses
import http.client
import json
import os
import re
import stat
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, TypeGuard

from keras_center_ssl._version import __version__
from keras_center_ssl.errors import InputError
from keras_center_ssl.types import FilePath

SCHEMA_VERSION = 1
INDEX = "index.json"
SOURCE_VARIABLE = "KERAS_CENTER_SSL_ZOO"

# Seconds without a byte after which a connection counts as dead.
TIMEOUT = 30.0

_LARGEST_INDEX = 16 * 2**20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FORMAT_FILES = {
    "keras": "encoder.keras",
    "onnx": "encoder.onnx",
    "saved_model": "saved_model/saved_model.pb",
}


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
        input_shape: `(height, width, channels)`; values in [0, 1].
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
        """The formats it can be had in: any of `"keras"`, `"onnx"`, `"saved_model"`."""
        return tuple(name for name, file in _FORMAT_FILES.items() if file in self.files)

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


# The fields beside `files`, and the types that they may have.
SUMMARY = {
    "method": str,
    "dataset": str,
    "encoder": str,
    "feature_dim": int,
    "input_shape": list,
    "knn_accuracy": (int, float),
    "verdict": str,
    "license": str,
}


def list_models(source: FilePath | None = None) -> list[ZooEntry]:
    """The encoders of a zoo, as a list of `ZooEntry` sorted by name.

    Args:
        source: A folder, an `http(s)://` base or `hf://owner/repo`. If `None`, the environment
            variable `KERAS_CENTER_SSL_ZOO`, else the `zoo/` of the checkout this package runs from,
            else the starter zoo that an installed package carries.

    Raises:
        InputError: If there is no zoo there, it cannot be reached, or its index is invalid.
    """
    return list(open_zoo(source).entries().values())


def open_zoo(source=None):
    """The zoo that `source` names: a `FolderZoo` or an `HttpZoo`; see `list_models`."""
    if source is None:
        source = os.environ.get(SOURCE_VARIABLE) or _checkout_zoo() or _starter_zoo()
    if source is None:
        raise InputError(
            "No zoo is named. Pass source= (on the command line --source), or set "
            f"{SOURCE_VARIABLE}, to a folder, an https:// address or hf://owner/repo."
        )
    text = str(source)
    scheme = text.split("://", 1)[0] if "://" in text else None
    if scheme in ("http", "https"):
        return HttpZoo(text)
    if scheme == "hf":
        return HubZoo(text)
    if scheme is not None:
        raise InputError(
            f"The zoo {text!r} has the unknown scheme {scheme!r}. Accepted: a folder, http://, "
            "https:// or hf://owner/repo."
        )
    return FolderZoo(text)


def _checkout_zoo():
    root = Path(__file__).resolve().parents[2]
    # setup.cfg tells a checkout from site-packages, where a zoo/ would belong to somebody else.
    return root / "zoo" if (root / "zoo").is_dir() and (root / "setup.cfg").is_file() else None


def _starter_zoo():
    """The small encoders of `zoo/`, which a wheel carries (.ci/build_backend.py)."""
    folder = Path(__file__).resolve().parent / "starter"
    return folder if folder.is_dir() else None


class FolderZoo:
    """A zoo in a folder."""

    def __init__(self, path):
        self.root = Path(os.path.abspath(Path(path).expanduser()))
        self.address = str(self.root)

    def entries(self):
        """Name -> `ZooEntry`."""
        if not self.root.is_dir():
            raise InputError(f"There is no zoo at {self.address!r}: no such folder.")
        try:
            text = (self.root / INDEX).read_bytes()
        except FileNotFoundError:
            raise InputError(
                f"The folder {self.address!r} is no zoo yet: it has no {INDEX}. Publish a bundle "
                "to it with kcs.zoo.publish(bundle, zoo), or name another zoo with source= or "
                f"{SOURCE_VARIABLE}."
            ) from None
        except OSError as error:
            raise _unreachable(self.address, error) from error
        return parse_index(text, self.address)

    def open(self, path, offset=0):
        """A binary stream of a file from byte `offset` on, and the offset it really begins at."""
        place = self.root
        for part in path.split("/"):
            place = place / part
            if place.is_symlink():
                raise InputError(
                    f"The zoo {self.address!r} holds a symbolic link at {path!r}; links are not "
                    "followed. Publish the bundle anew."
                )
        try:
            if not stat.S_ISREG(place.stat().st_mode):
                raise missing(self.address, path)
            stream = place.open("rb")
        except FileNotFoundError:
            raise missing(self.address, path) from None
        except OSError as error:
            raise _unreachable(self.address, error) from error
        stream.seek(offset)
        return stream, offset


class HttpZoo:
    """A zoo behind an `http(s)://` base address."""

    def __init__(self, address):
        parts = urllib.parse.urlsplit(address)
        if not parts.netloc or parts.query or parts.fragment:
            raise InputError(
                f"The zoo address {address!r} is not usable: write it as https://host/folder, "
                "without ? and #."
            )
        self.address = address.rstrip("/")

    def entries(self):
        """Name -> `ZooEntry`."""
        try:
            with self.open(INDEX)[0] as response:
                text = response.read(_LARGEST_INDEX + 1)
        except TransferError as error:
            raise _unreachable(self.address, error) from error
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(self.address, error) from error
        if len(text) > _LARGEST_INDEX:
            raise InputError(f"The index of the zoo {self.address!r} is larger than 16 MiB.")
        return parse_index(text, self.address)

    def open(self, path, offset=0):
        """A binary stream of a file from byte `offset` on, and the offset it really begins at.

        Raises:
            InputError: If the server says that there is no such file (for good).
            TransferError: If it may work later.
        """
        request = urllib.request.Request(self._url(path))
        request.add_header("User-Agent", f"keras-center-ssl/{__version__}")
        for key, value in self._credentials().items():
            # Not sent to whatever host the server redirects to.
            request.add_unredirected_header(key, value)
        if offset:
            request.add_header("Range", f"bytes={offset}-")
        try:
            response = urllib.request.urlopen(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416 and offset:  # the part at hand is longer than the file
                return self.open(path)
            if error.code in (404, 410):
                raise missing(self.address, path) from None
            if error.code == 429 or error.code >= 500:
                raise TransferError(f"HTTP {error.code} {error.reason}") from error
            raise InputError(
                f"The zoo {self.address!r} refuses {path!r}: HTTP {error.code} {error.reason}."
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise TransferError(str(getattr(error, "reason", None) or error)) from error
        return response, offset if _continues(response, offset) else 0

    def _url(self, path):
        return f"{self.address}/{urllib.parse.quote(path)}"

    def _credentials(self):
        return {}


class HubZoo(HttpZoo):
    """A zoo in a Hugging Face repository: `hf://owner/repo`, or `hf://owner/repo@revision`."""

    def __init__(self, address):
        match = re.fullmatch(r"hf://([\w.-]+/[\w.-]+?)(?:@([\w./-]+))?/?", address)
        if match is None:
            raise InputError(
                f"The zoo address {address!r} is not usable: write it as hf://owner/repo or "
                "hf://owner/repo@revision."
            )
        self.address = address.rstrip("/")
        self.repository, self.revision = match.groups()

    def _url(self, path):
        from huggingface_hub import hf_hub_url

        return hf_hub_url(self.repository, path, revision=self.revision)

    def _credentials(self):
        from huggingface_hub.utils import build_hf_headers

        headers = build_hf_headers()
        return {key: headers[key] for key in ("authorization",) if key in headers}


class TransferError(Exception):
    """A transfer that failed in a way that may pass: worth another try."""


def _continues(response, offset):
    """Whether a response carries on at `offset`; servers without ranges send the whole file."""
    if response.status != 206:
        return False
    begin = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if begin is None or int(begin[1]) != offset:
        raise TransferError("the server sent another part of the file than was asked for")
    return True


def missing(address, path):
    """The error for a file that a zoo does not have."""
    if path == INDEX:
        return InputError(f"There is no zoo at {address!r}: it has no {INDEX}. Check the address.")
    return InputError(
        f"The zoo {address!r} lacks {path!r}, which its index names; it is incomplete. Tell the "
        "keeper of the zoo, or name another one."
    )


def _unreachable(address, error):
    return InputError(
        f"The zoo {address!r} cannot be reached: {getattr(error, 'strerror', None) or error}. "
        f"Check the address and the network, or name another zoo with source= or {SOURCE_VARIABLE}."
    )


def parse_index(text, address):
    """Name -> `ZooEntry` from the JSON of an index, everything in it checked.

    Raises:
        InputError: Saying what is wrong, and in which zoo.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The index of the zoo {address!r} is no valid JSON: {error}.") from None

    def wrong(what):
        return InputError(f"The index of the zoo {address!r} is invalid: {what}.")

    if not isinstance(data, dict) or "schema_version" not in data:
        raise wrong("it is no object with a schema_version")
    if data["schema_version"] != SCHEMA_VERSION:
        raise InputError(
            f"The index of the zoo {address!r} has schema_version {data['schema_version']!r}; this "
            f"version of keras-center-ssl reads {SCHEMA_VERSION}. Update the package, or publish "
            "the zoo anew."
        )
    if not isinstance(data.get("models"), dict):
        raise wrong("it has no object 'models'")
    return {name: _entry(name, data["models"][name], wrong) for name in sorted(data["models"])}


def _entry(name, data, wrong):
    if not is_name(name):
        raise wrong(f"the name {name!r} is not letters, digits, '.', '_' and '-'")
    if not isinstance(data, dict) or not isinstance(data.get("files"), dict):
        raise wrong(f"the entry {name!r} has no object 'files'")
    summary = {}
    for field, kind in SUMMARY.items():
        value = data.get(field)
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise wrong(f"the entry {name!r} has {field} = {value!r}")
        if isinstance(value, str) and not value.isprintable():
            raise wrong(f"the entry {name!r} has control characters in {field}")
        summary[field] = value
    shape = summary["input_shape"]
    if shape is not None:
        if not all(size is None or type(size) is int for size in shape):
            raise wrong(f"the entry {name!r} has input_shape = {shape!r}")
        summary["input_shape"] = tuple(shape)
    return ZooEntry(name=name, **summary, files=_files(name, data["files"], wrong))


def _files(name, data, wrong):
    files = {}
    for path, record in data.items():
        if not is_safe_path(path):
            raise wrong(f"the entry {name!r} names the file {path!r}, which could leave its folder")
        size = record.get("size") if isinstance(record, dict) else None
        sha256 = record.get("sha256") if isinstance(record, dict) else None
        if type(size) is not int or size < 0:
            raise wrong(f"the file {path!r} of {name!r} has size {size!r}")
        if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
            raise wrong(f"the file {path!r} of {name!r} has sha256 {sha256!r}, not 64 hex digits")
        files[path] = ZooFile(size, sha256)
    for path in files:
        if any(other.startswith(f"{path}/") for other in files):
            raise wrong(f"the entry {name!r} has {path!r} as a file and as a folder")
    return files


def is_name(name: Any) -> TypeGuard[str]:
    """Whether `name` can name an entry, and with it a folder."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None and ".." not in name


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
