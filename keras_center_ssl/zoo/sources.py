"""Where zoos are: a folder, an `http(s)://` base or a repository of the Hugging Face Hub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from keras_center_ssl.errors import InputError, one_of
from keras_center_ssl.zoo.folder_zoo import FolderZoo
from keras_center_ssl.zoo.http_zoo import HttpZoo
from keras_center_ssl.zoo.hub_zoo import HubZoo
from keras_center_ssl.zoo.index import ZooEntry
from keras_center_ssl.zoo.problems import SOURCE_VARIABLE
from keras_center_ssl.zoo.transfer import timeout_seconds

if TYPE_CHECKING:
    # It names NumPy, without which a zoo lists and downloads.
    from keras_center_ssl.types import FilePath


def list_models(source: FilePath | None = None, timeout: float | None = None) -> list[ZooEntry]:
    """The encoders of a zoo, as a list of `ZooEntry` sorted by name.

    Args:
        source: A folder, an `http(s)://` base or `hf://owner/repo`. If `None`, the environment
            variable `KERAS_CENTER_SSL_ZOO`, else the `zoo/` of the checkout this package runs from,
            else the starter zoo that an installed package carries.
        timeout: Seconds, on the network, after which a transfer without progress ends: less than
            1 KiB a second over that time. If `None`, the environment variable
            `KERAS_CENTER_SSL_TIMEOUT`, else 30. An index may take four times as long in all.

    Raises:
        InputError: If there is no zoo there, it cannot be reached, or its index is invalid.
    """
    return list(open_zoo(source, timeout).entries().values())


def open_zoo(source=None, timeout=None):
    """The zoo that `source` names: a `FolderZoo`, `HttpZoo` or `HubZoo`; see `list_models`."""
    if source is None:
        source = os.environ.get(SOURCE_VARIABLE) or _checkout_zoo() or _starter_zoo()
    if source is None:
        raise InputError(
            "No zoo is named. Pass source= (on the command line --source), or set "
            f"{SOURCE_VARIABLE}, to a folder, an https:// address or hf://owner/repo."
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
