"""Where zoos are: a folder, an `http(s)://` base or a repository of the Hugging Face Hub."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from keras_center_ssl.errors import InputError, one_of
from keras_center_ssl.zoo.folder_zoo import FolderZoo
from keras_center_ssl.zoo.http_zoo import HttpZoo
from keras_center_ssl.zoo.hub_zoo import HubZoo
from keras_center_ssl.zoo.index import ZooEntry, checked_sha256
from keras_center_ssl.zoo.offline import OfflineZoo, is_offline
from keras_center_ssl.zoo.problems import SOURCE_VARIABLE
from keras_center_ssl.zoo.transfer import timeout_seconds

if TYPE_CHECKING:
    # It names NumPy, without which a zoo lists and downloads.
    from keras_center_ssl.types import FilePath


def list_models(
    source: FilePath | None = None, timeout: float | None = None, index_sha256: str | None = None
) -> list[ZooEntry]:
    """The encoders of a zoo, as a list of `ZooEntry` sorted by name.

    Args:
        source: A folder, an `http(s)://` base or `hf://owner/repo`. If `None`, the environment
            variable `KERAS_CENTER_SSL_ZOO`, else the `zoo/` of the checkout this package runs from,
            else the starter zoo that an installed package carries.
        timeout: Seconds, on the network, after which a transfer without progress ends: less than
            1 KiB a second over that time. If `None`, the environment variable
            `KERAS_CENTER_SSL_TIMEOUT`, else 30. An index may take four times as long in all.
        index_sha256: The SHA-256 that the index has to have, 64 hex digits: with it, nobody who can
            change the zoo can give you another encoder. `index_sha256(source)` says what it is.

    With the environment variable `KERAS_CENTER_SSL_OFFLINE` set to 1 no zoo on the network is
    asked; what was downloaded from it is there.

    Raises:
        InputError: If there is no zoo there, it cannot be reached, or its index is invalid or not
            the one that is demanded.
    """
    return list(open_zoo(source, timeout, index_sha256).entries().values())


def index_sha256(source: FilePath | None = None, timeout: float | None = None) -> str:
    """The SHA-256 of a zoo's index, to be demanded later; arguments as in `list_models`."""
    zoo = open_zoo(source, timeout)
    zoo.entries()
    return hashlib.sha256(zoo.index).hexdigest()


def open_zoo(source=None, timeout=None, index_sha256=None, cache_dir=None):
    """The zoo that `source` names, see `list_models`; one on the network perhaps offline.

    Args:
        cache_dir: Where offline zoos are looked for, see `download`.
    """
    zoo = _named(source, timeout)
    if not isinstance(zoo, FolderZoo) and is_offline():
        zoo = OfflineZoo(zoo.address, cache_dir)
    if index_sha256 is not None:
        zoo.index_sha256 = checked_sha256(index_sha256)
    return zoo


def _named(source, timeout):
    """A `FolderZoo`, `HttpZoo` or `HubZoo`."""
    if source is None:
        source = os.environ.get(SOURCE_VARIABLE) or _checkout_zoo() or _starter_zoo()
    if source is None:
        raise InputError(
            f"No zoo is named. Set source= or {SOURCE_VARIABLE} to a folder, an https:// address or hf://owner/repo."
        )
    text = str(source)
    scheme = text.split("://", 1)[0] if "://" in text else None
    if scheme is None:
        return FolderZoo(text)
    if scheme in ("http", "https"):
        return HttpZoo(text, timeout_seconds(timeout))
    if scheme == "hf":
        return HubZoo(text, timeout_seconds(timeout))
    raise InputError(
        f"The zoo {text!r} has the unknown scheme {scheme!r}. Accepted: a folder, http://, "
        "https:// or hf://owner/repo."
    )


def find(zoo, name):
    """The entry `name` of a zoo, or an `InputError` that suggests the nearest."""
    entries = zoo.entries()
    if name not in entries:
        if not entries:
            raise InputError(f"The zoo {zoo.address!r} is empty; it has no {name!r}.")
        raise one_of(f"encoder of the zoo {zoo.address!r}:", name, entries)
    return entries[name]


def _checkout_zoo():
    root = Path(__file__).resolve().parents[2]
    # setup.cfg tells a checkout from site-packages, where a zoo/ would belong to somebody else.
    return root / "zoo" if (root / "zoo").is_dir() and (root / "setup.cfg").is_file() else None


def _starter_zoo():
    """The small encoders of `zoo/`, which a wheel carries (.ci/build_backend.py)."""
    folder = Path(__file__).resolve().parent / "starter"
    return folder if folder.is_dir() else None
