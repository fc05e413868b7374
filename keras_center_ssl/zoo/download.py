"""Encoders from a zoo into the local cache, and from there into a program."""

from __future__ import annotations

import contextlib
import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_center_ssl.errors import InputError, needs, one_of
from keras_center_ssl.export.formats import FORMATS
from keras_center_ssl.files import atomic_file
from keras_center_ssl.keras_files import load_keras_file
from keras_center_ssl.zoo.cache import alone_in, cache_folder, confine, remember
from keras_center_ssl.zoo.fetch import fetch, is_intact
from keras_center_ssl.zoo.http_zoo import HttpZoo
from keras_center_ssl.zoo.sources import find, open_zoo

if TYPE_CHECKING:
    import keras

    # It names NumPy, without which a zoo lists and downloads.
    from keras_center_ssl.types import FilePath


def download(
    name: str,
    format: str | None = None,
    source: FilePath | None = None,
    cache_dir: FilePath | None = None,
    progress: Callable[[str, int, int], Any] | None = None,
    timeout: float | None = None,
    index_sha256: str | None = None,
    out: FilePath | None = None,
    overwrite: bool = False,
) -> Path:
    """Downloads an encoder, or takes it from the cache, and returns where it is.

    Several processes may ask for one encoder at a time: one downloads and the others wait.

    Args:
        name: Name of the encoder, see `list_models`.
        format: A format of `kcs.export.FORMATS`, such as `"onnx"`, for that file or folder alone;
            `"all"` or `None` for the whole bundle with its card and metrics.
        source: The zoo, see `list_models`.
        cache_dir: Where files are kept. If `None`, the environment variable
            `KERAS_CENTER_SSL_CACHE`, else `~/.cache/keras-center-ssl` (or `$XDG_CACHE_HOME`).
        progress: Called as `progress(path, bytes_done, bytes_total)` at the start of each file
            and while it is transferred.
        timeout: Seconds without progress after which a transfer ends, see `list_models`. What
            has arrived is kept, and the next call goes on there.
        index_sha256: The SHA-256 that the zoo's index has to have, see `list_models`.
        out: A folder that gets a copy of the files, made if it does not exist.
        overwrite: Whether other files of the same names there are replaced.

    Returns:
        The `pathlib.Path` of the file or folder: in `out` where that is given, else in the cache.

    Raises:
        InputError: For an unknown name (with the nearest one), a format it does not come in, a zoo
            that cannot be reached or is too slow, a file that does not have the size and SHA-256
            of the index, of which then nothing is kept, and other files in `out`.
    """
    zoo = open_zoo(source, timeout, index_sha256, cache_dir)
    entry = find(zoo, name)
    wanted, place = _wanted(entry, format)
    folder = cache_folder(zoo, cache_dir) / entry.name
    for path in wanted:
        confine(folder / path, folder.parent.parent)
    if not all(is_intact(folder / path, entry.files[path]) for path in wanted):
        with alone_in(folder):
            for path in wanted:
                # Another process may have brought it meanwhile.
                if not is_intact(folder / path, entry.files[path]):
                    fetch(zoo, entry, path, folder, progress)
    _note_use(zoo, folder)
    if out is not None:
        folder = _copied(folder, wanted, entry, Path(out).expanduser(), overwrite)
    return folder / place if place else folder


def _note_use(zoo, folder):
    """Keeps when it was asked for, and of a zoo on the network the index."""
    with contextlib.suppress(OSError):
        os.utime(folder)
    if isinstance(zoo, HttpZoo):
        remember(folder.parent, zoo)


def _copied(folder, wanted, entry, out, overwrite):
    """Copies files out of the cache, each whole or not at all; returns where to."""
    kept = [
        path
        for path in wanted
        if os.path.lexists(out / path) and not is_intact(out / path, entry.files[path])
    ]
    if kept and not overwrite:
        raise InputError(
            f"The folder {str(out)!r} has another {kept[0]!r}. Name another folder, or pass "
            "overwrite=True to replace it."
        )
    for path in wanted:
        if not is_intact(out / path, entry.files[path]):
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            with (folder / path).open("rb") as stream, atomic_file(out / path) as copy:
                shutil.copyfileobj(stream, copy, 2**20)
    return out


def _wanted(entry, format):
    """The files of an entry that belong to a format, and what of its folder to return."""
    if format in (None, "all"):
        if not entry.files:
            raise InputError(f"The encoder {entry.name!r} has no files. Tell the zoo's keeper.")
        return list(entry.files), ""
    if format not in FORMATS:
        raise one_of("format", format, [*FORMATS, "all"])
    if format not in entry.formats:
        raise InputError(
            f"The encoder {entry.name!r} does not come as {format!r}. It comes as: "
            f"{', '.join(entry.formats) or 'no format at all'}."
        )
    form = FORMATS[format]
    return [path for path in entry.files if form.holds(path)], form.file


def load(
    name: str,
    source: FilePath | None = None,
    cache_dir: FilePath | None = None,
    progress: Callable[[str, int, int], Any] | None = None,
    timeout: float | None = None,
    index_sha256: str | None = None,
) -> keras.Model:
    """The encoder `name` as a `keras.Model`: images `(B, H, W, C)` in [0, 1] to features `(B, D)`.

    Arguments as in `download`. This is the one function of the zoo that imports Keras, and it
    loads in Keras' safe mode: code that the file may hold is not run.

    Raises:
        InputError: As `download`, and if Keras cannot load the file.
    """
    with needs("kcs.zoo.load", "keras", "tensorflow"):
        import keras  # noqa: F401 (before the download)

    path = download(name, "keras", source, cache_dir, progress, timeout, index_sha256)
    return load_keras_file(path, f"Keras cannot load the encoder {name!r}: its file")


def show(
    name: str,
    source: FilePath | None = None,
    cache_dir: FilePath | None = None,
    timeout: float | None = None,
    index_sha256: str | None = None,
) -> str:
    """The model card of the encoder `name`, as Markdown; its download is cached.

    Arguments as in `download`.

    Raises:
        InputError: As `download`, and if the encoder has no card.
    """
    zoo = open_zoo(source, timeout, index_sha256, cache_dir)
    entry = find(zoo, name)
    if "README.md" not in entry.files:
        raise InputError(f"The encoder {name!r} of the zoo {zoo.address!r} has no README.md.")
    folder = cache_folder(zoo, cache_dir) / entry.name
    target = folder / "README.md"
    confine(target, folder.parent.parent)
    if not is_intact(target, entry.files["README.md"]):
        with alone_in(folder):
            fetch(zoo, entry, "README.md", folder)
    _note_use(zoo, folder)
    return _printable(target.read_text("utf-8", errors="replace"))


def _printable(text):
    """`text` without the signs that would steer a terminal; lines and tabs stay."""
    return "".join(
        sign for sign in text if sign in "\n\t" or unicodedata.category(sign) not in ("Cc", "Cf")
    )
