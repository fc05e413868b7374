"""What the cache holds, and how it is made smaller."""

from __future__ import annotations

import dataclasses
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from keras_center_ssl.errors import InputError, one_of
from keras_center_ssl.locks import locked
from keras_center_ssl.zoo.cache import MEMORY, cache_root, prune, read_memory
from keras_center_ssl.zoo.index import is_name

if TYPE_CHECKING:
    # It names NumPy, without which a zoo lists and downloads.
    from keras_center_ssl.types import FilePath

# How `cache_folder` names the folder of a zoo. Nothing else is touched, whatever the cache's root.
_ZOO = re.compile(r"[^.].*-[0-9a-f]{8}")
_DAY = 24 * 3600


@dataclasses.dataclass(frozen=True)
class CachedEntry:
    """An encoder in the cache.

    Attributes:
        name: Its name in the zoo.
        zoo: The zoo's address, where it is on the network; else its folder's name in the cache.
        path: Its folder.
        size: Bytes of its files, unfinished ones among them.
        unfinished: Bytes of files whose download is not finished.
        used: When it was last asked for, in seconds since 1970.
    """

    name: str
    zoo: str
    path: Path
    size: int
    unfinished: int
    used: float


def list_cached(cache_dir: FilePath | None = None) -> list[CachedEntry]:
    """The encoders in the cache, as a list of `CachedEntry`, the last used first.

    Args:
        cache_dir: Where files are kept, see `download`.
    """
    found = []
    for folder in _folders(cache_root(cache_dir), lambda name: _ZOO.fullmatch(name)):
        memory = read_memory(folder)
        for place in _folders(folder, is_name):
            files = [path for path in place.rglob("*") if path.is_file() and not path.is_symlink()]
            parts = [path for path in files if path.name.endswith(".part")]
            found.append(
                CachedEntry(
                    name=place.name,
                    zoo=memory["address"] if memory else folder.name,
                    path=place,
                    size=sum(path.stat().st_size for path in files),
                    unfinished=sum(path.stat().st_size for path in parts),
                    used=place.stat().st_mtime,
                )
            )
    return sorted(found, key=lambda entry: -entry.used)


def prune_cache(
    name: str | None = None,
    *,
    older_than: float | None = None,
    everything: bool = False,
    dry_run: bool = False,
    cache_dir: FilePath | None = None,
) -> list[CachedEntry]:
    """Removes encoders from the cache: those of a name, those not used for long, or all.

    An encoder that another process downloads at this moment stays.

    Args:
        name: An encoder, of whichever zoo.
        older_than: Days since it was last asked for, at least.
        everything: Whether all are removed.
        dry_run: Whether nothing is removed, but said what would be.
        cache_dir: Where files are kept, see `download`.

    Returns:
        What was removed, a list of `CachedEntry`.

    Raises:
        InputError: If it is not said what to remove, and for a name that is not there.
    """
    if name is None and older_than is None and not everything:
        raise InputError(
            "It is not said what to remove: name an encoder, or pass older_than= (days) or "
            "everything=True."
        )
    if older_than is not None and not older_than >= 0:
        raise InputError(f"older_than= is a number of days from 0 on; received {older_than!r}.")
    entries = list_cached(cache_dir)
    if name is not None and name not in {entry.name for entry in entries}:
        if not entries:
            raise InputError(f"The cache is empty; it has no {name!r}.")
        raise one_of("encoder of the cache", name, {entry.name for entry in entries})
    now = time.time()
    removed = []
    for entry in entries:
        old = older_than is None or now - entry.used >= older_than * _DAY
        if old and name in (None, entry.name) and (dry_run or _remove(entry)):
            removed.append(entry)
    return removed


def _remove(entry):
    lock = entry.path.with_name(f".{entry.name}.lock")
    try:
        with locked(lock, f"the cache {str(entry.path)!r}"):
            shutil.rmtree(entry.path)
    except InputError:  # it is being downloaded
        return False
    zoo = entry.path.parent
    if {path.name for path in zoo.iterdir()} <= {MEMORY}:
        (zoo / MEMORY).unlink(missing_ok=True)
        prune(zoo, zoo.parent)
    return True


def _folders(folder, fits):
    """The folders in one, links left out, whose names fit."""
    if not folder.is_dir():
        return []
    return [
        path
        for path in sorted(folder.iterdir())
        if fits(path.name) and path.is_dir() and not path.is_symlink()
    ]
