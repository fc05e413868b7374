"""The local cache: where it is, one writer per entry at a time, and no way out of it.

<cache>/<zoo>/<entry>/<files>        <cache>/<zoo>/.<entry>.lock, while an entry is downloaded
<cache>/<zoo>/.zoo.json              of a zoo on the network: its address and its last index
"""

import contextlib
import hashlib
import logging
import os
from pathlib import Path

from keras_center_ssl.errors import InputError
from keras_center_ssl.files import write_json
from keras_center_ssl.locks import locked
from keras_center_ssl.records import read_object

CACHE_VARIABLE = "KERAS_CENTER_SSL_CACHE"
MEMORY = ".zoo.json"

_LOGGER = logging.getLogger(__name__)


def cache_root(cache_dir=None):
    """The folder of the whole cache."""
    root = cache_dir or os.environ.get(CACHE_VARIABLE)
    if root is None:
        root = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "keras-center-ssl"
    return Path(os.path.abspath(Path(root).expanduser()))


def cache_folder(zoo, cache_dir=None):
    """The folder of the cache that belongs to one zoo: two zoos may use one name differently."""
    root = cache_root(cache_dir)
    words = "".join(sign if sign.isalnum() else "-" for sign in zoo.address).strip("-")[-40:]
    return root / f"{words}-{hashlib.sha256(zoo.address.encode()).hexdigest()[:8]}"


def remember(folder, zoo):
    """Keeps the index of a zoo on the network, for when there is no network."""
    content = {"address": zoo.address, "index": zoo.index.decode("utf-8-sig")}
    with contextlib.suppress(OSError):  # a cache that may only be read
        if read_memory(folder) != content:
            write_json(folder / MEMORY, content)


def read_memory(folder):
    """What `remember` kept, with `address` and `index`; `None` where there is nothing."""
    try:
        content = read_object(folder / MEMORY, needs="address")
    except (OSError, InputError):
        return None
    return content if all(isinstance(content.get(k), str) for k in ("address", "index")) else None


@contextlib.contextmanager
def alone_in(folder):
    """This process alone writes an entry's folder; others wait, and say so.

    The lock is the system's: it ends with the process, however that ends.
    """

    def waiting():
        _LOGGER.warning("Waiting for another process that downloads %r.", folder.name)

    what = f"the cache {str(folder)!r}"
    with locked(folder.with_name(f".{folder.name}.lock"), what, wait=-1, waiting=waiting):
        yield


def confine(target, root):
    """Refuses a path that a symbolic link below the cache's root would lead out of it."""
    for place in (part_of(target), *target.parents):
        if place == root:
            return
        if place.is_symlink():
            raise InputError(
                f"The cache holds a symbolic link at {str(place)!r}, which is not followed. Remove "
                f"it, or name another cache with cache_dir= or {CACHE_VARIABLE}."
            )


def part_of(target):
    """Where the beginning of a file is kept until all of it is there."""
    return target.with_name(f"{target.name}.part")


def prune(folder, root):
    """Removes folders that a refused download left empty, up to the cache's root."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
