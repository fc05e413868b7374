"""The files of a zoo against its index, without keeping them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from keras_center_ssl.errors import InputError
from keras_center_ssl.zoo.sources import find, open_zoo
from keras_center_ssl.zoo.transfer import Patience, TransferError

if TYPE_CHECKING:
    # It names NumPy, without which a zoo lists and downloads.
    from keras_center_ssl.types import FilePath

_CHUNK = 2**20


def verify(
    name: str | None = None,
    source: FilePath | None = None,
    progress: Callable[[str, int, int], Any] | None = None,
    timeout: float | None = None,
    index_sha256: str | None = None,
) -> dict[str, list[str]]:
    """Compares the files of a zoo, or of one entry, with the index; nothing is kept of them.

    Args:
        name: An encoder; all of them unless given.
        source, progress, timeout, index_sha256: See `download`.

    Returns:
        Name -> list of problems in words, empty where all is well.
    """
    zoo = open_zoo(source, timeout, index_sha256)
    entries = zoo.entries().values() if name is None else [find(zoo, name)]
    return {entry.name: problems_of(zoo, entry, progress) for entry in entries}


def problems_of(zoo, entry, progress=None):
    """What is wrong with the files of an entry, in words; empty where all is well."""
    problems = []
    for path, file in entry.files.items():
        try:
            size, sha256 = _read(zoo, f"{entry.name}/{path}", file.size, progress)
        except (InputError, TransferError) as error:
            problems.append(f"{path}: {error}")
            continue
        if size != file.size:
            least = "at least " if size > file.size else ""
            problems.append(f"{path}: {least}{size} bytes, the index says {file.size}")
        elif sha256 != file.sha256:
            problems.append(f"{path}: the SHA-256 is not the one of the index")
    return problems


def _read(zoo, path, expected, progress):
    """Size and SHA-256 of a file, read no further than one byte too far."""
    digest, size = hashlib.sha256(), 0
    patience = Patience(zoo.timeout) if zoo.timeout else None
    with zoo.open(path, size=expected, patience=patience)[0] as stream:
        while chunk := stream.read(min(_CHUNK, expected + 1 - size)):
            digest.update(chunk)
            size += len(chunk)
            if progress is not None:
                progress(path, min(size, expected), expected)
    return size, digest.hexdigest()
