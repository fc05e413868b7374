"""Files from a zoo into a local cache: resumed, verified before they get their name, confined.

A file is written to `<file>.part`, which a broken transfer leaves for the next try to go on from.
Its size and SHA-256 are checked before `os.replace` gives it its name, so that a file with its
final name is always whole. Several processes may ask for one file at a time: the `.part` is locked
and the others wait.
"""

import contextlib
import hashlib
import http.client
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_center_ssl.errors import InputError, needs, one_of
from keras_center_ssl.types import FilePath
from keras_center_ssl.zoo.index import TransferError, open_zoo

if TYPE_CHECKING:
    import keras

try:
    import fcntl
except ImportError:  # Windows: no locks; processes that meet download twice
    fcntl = None

CACHE_VARIABLE = "KERAS_CENTER_SSL_CACHE"

# Tries in a row that bring no byte before a download gives up, and the first pause between them.
TRIES = 4
PAUSE = 0.5

_CHUNK = 2**20
_FORMATS = {"keras": "encoder.keras", "onnx": "encoder.onnx", "saved_model": "saved_model"}


def download(
    name: str,
    format: str | None = None,
    source: FilePath | None = None,
    cache_dir: FilePath | None = None,
    progress: Any = None,
) -> Path:
    """Downloads an encoder, or takes it from the cache, and returns where it is.

    Args:
        name: Name of the encoder, see `list_models`.
        format: `"onnx"`, `"keras"` or `"saved_model"` for that file or folder alone; `"all"` or
            `None` for the whole bundle with its card and metrics.
        source: The zoo, see `list_models`.
        cache_dir: Where files are kept. If `None`, the environment variable
            `KERAS_CENTER_SSL_CACHE`, else `~/.cache/keras-center-ssl` (or `$XDG_CACHE_HOME`).
        progress: Called as `progress(path, bytes_done, bytes_total)` while a file is transferred.

    Returns:
        The `pathlib.Path` of the file (`"onnx"`, `"keras"`) or folder.

    Raises:
        InputError: For an unknown name (with the nearest one), a format it does not come in, a zoo
            that cannot be reached, and a file that does not have the size and SHA-256 of the index,
            of which then nothing is kept.
    """
    zoo = open_zoo(source)
    entry = find(zoo, name)
    if format in (None, "all"):
        wanted, place = list(entry.files), ""
    elif format in _FORMATS:
        place = _FORMATS[format]
        wanted = [path for path in entry.files if path == place or path.startswith(f"{place}/")]
        if format not in entry.formats:
            raise InputError(
                f"The encoder {name!r} does not come as {format!r}. It comes as: "
                f"{', '.join(entry.formats) or 'no format at all'}."
            )
    else:
        raise one_of("format", format, [*_FORMATS, "all"])
    folder = cache_folder(zoo, cache_dir) / entry.name
    for path in wanted:
        _fetch(zoo, entry, path, folder, progress)
    return folder / place if place else folder


def load(
    name: str, source: FilePath | None = None, cache_dir: FilePath | None = None
) -> "keras.Model":
    """The encoder `name` as a `keras.Model`: images `(B, H, W, C)` in [0, 1] to features `(B, D)`.

    Arguments as in `download`. This is the one function of the zoo that imports Keras.

    Raises:
        InputError: As `download`, and if Keras cannot load the file.
    """
    with needs("kcs.zoo.load", "keras", "tensorflow"):
        import keras

    path = download(name, "keras", source, cache_dir)

    try:
        return keras.saving.load_model(path, compile=False)
    except (TypeError, ValueError, ImportError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"Keras {keras.__version__} cannot load the encoder {name!r}: {reason} Its card "
            f"(kcs.zoo.show({name!r})) names the versions it was made with and the packages that "
            "it needs."
        ) from error


def show(name: str, source: FilePath | None = None, cache_dir: FilePath | None = None) -> str:
    """The model card of an encoder, as Markdown text. Arguments as in `download`."""
    zoo = open_zoo(source)
    entry = find(zoo, name)
    if "README.md" not in entry.files:
        raise InputError(f"The encoder {name!r} of the zoo {zoo.address!r} has no model card.")
    return _fetch(zoo, entry, "README.md", cache_folder(zoo, cache_dir) / entry.name).read_text(
        "utf-8"
    )


def verify(name: str | None = None, source: FilePath | None = None) -> dict[str, list[str]]:
    """Reads every file of a zoo (or of one entry) and holds it against the index.

    Nothing is stored. Files of a zoo behind http are transferred for it.

    Returns:
        A dict: name -> list of problems in words, empty where all is well.
    """
    zoo = open_zoo(source)
    entries = zoo.entries().values() if name is None else [find(zoo, name)]
    return {entry.name: _problems(zoo, entry) for entry in entries}


def find(zoo, name):
    """The entry `name` of a zoo, or an `InputError` that suggests the nearest."""
    entries = zoo.entries()
    if name not in entries:
        if not entries:
            raise InputError(f"The zoo {zoo.address!r} is empty; it has no {name!r}.")
        raise one_of(f"encoder of the zoo {zoo.address!r}:", name, entries)
    return entries[name]


def cache_folder(zoo, cache_dir=None):
    """The folder of the cache that belongs to one zoo: two zoos may use one name differently."""
    root = cache_dir or os.environ.get(CACHE_VARIABLE)
    if root is None:
        root = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "keras-center-ssl"
    root = Path(os.path.abspath(Path(root).expanduser()))
    words = "".join(sign if sign.isalnum() else "-" for sign in zoo.address).strip("-")[-40:]
    return root / f"{words}-{hashlib.sha256(zoo.address.encode()).hexdigest()[:8]}"


def _problems(zoo, entry):
    problems = []
    for path, file in entry.files.items():
        digest, size = hashlib.sha256(), 0
        try:
            with zoo.open(f"{entry.name}/{path}")[0] as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
        except (InputError, TransferError, OSError, http.client.HTTPException) as error:
            problems.append(f"{path}: {error}")
            continue
        if size != file.size:
            problems.append(f"{path}: {size} bytes, the index says {file.size}")
        elif digest.hexdigest() != file.sha256:
            problems.append(f"{path}: the SHA-256 is not the one of the index")
    return problems


def _fetch(zoo, entry, path, folder, progress=None):
    """The local path of one file of an entry, downloaded unless the cache holds it intact."""
    file, target = entry.files[path], folder / path
    part = target.with_name(f"{target.name}.part")
    _confined(target, folder.parent.parent)
    if _intact(target, file):
        return target
    try:
        with _locked(part) as stream:
            try:
                if _intact(target, file):  # another process brought it meanwhile
                    part.unlink()
                else:
                    _transfer(zoo, f"{entry.name}/{path}", file, stream, progress)
                    stream.flush()
                    if fcntl is None:
                        stream.close()  # Windows renames no open file
                    os.replace(part, target)
            except InputError:
                part.unlink()
                raise
    except InputError:
        _prune(target.parent, folder.parent.parent)
        raise
    except TransferError as error:
        raise InputError(
            f"The download of {path!r} of {entry.name!r} from {zoo.address!r} broke off: {error}. "
            f"{part.stat().st_size} of {file.size} bytes are kept; the same call goes on there."
        ) from error
    except OSError as error:
        raise InputError(f"Cannot write {str(target)!r}: {error.strerror or error}.") from error
    return target


def _transfer(zoo, path, file, stream, progress):
    """Fills `stream` with the file, from where it ends, and checks size and hash."""
    fruitless = 0
    resumed = stream.seek(0, os.SEEK_END) > 0
    while True:
        if stream.tell() > file.size:
            stream.truncate(0)
        before = stream.seek(0, os.SEEK_END)
        problem = "the connection closed early"
        if before < file.size or file.size == 0:
            try:
                _read_into(zoo, path, file, stream, progress)
            except TransferError as error:
                problem = str(error)
        if stream.tell() == file.size:
            if _hash(stream) == file.sha256:
                return
            if not resumed:
                break
            # What an earlier run left may have been of another version: once more from nothing.
            resumed = False
            stream.truncate(0)
            continue
        if stream.tell() > file.size:
            break
        fruitless = 0 if stream.tell() > before else fruitless + 1
        if fruitless == TRIES:
            raise TransferError(problem)
        if fruitless:
            time.sleep(PAUSE * 2 ** (fruitless - 1))
    raise InputError(
        f"The file {path!r} of the zoo {zoo.address!r} does not have the size and SHA-256 that the "
        "index gives; it was not kept. It was changed or damaged: try again later, and tell the "
        "keeper of the zoo."
    )


def _read_into(zoo, path, file, stream, progress):
    source, begin = zoo.open(path, stream.tell())
    with source:
        if begin != stream.tell():  # a server without ranges starts anew
            stream.seek(begin)
            stream.truncate()
        try:
            # One byte more than there should be tells a file that is too long.
            while left := file.size + 1 - stream.tell():
                chunk = source.read(min(_CHUNK, left))
                if not chunk:
                    break
                stream.write(chunk)
                if progress is not None:
                    progress(path, min(stream.tell(), file.size), file.size)
        except (OSError, http.client.HTTPException) as error:
            raise TransferError(str(error)) from error


def _hash(stream):
    stream.seek(0)
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _intact(target, file):
    """Whether the cache holds the file as the index describes it."""
    try:
        if target.is_symlink() or target.stat().st_size != file.size:
            return False
        with target.open("rb") as stream:
            return _hash(stream) == file.sha256
    except OSError:
        return False


def _confined(target, root):
    """Refuses a path that a symbolic link below the cache's root would lead out of it."""
    for place in (target.with_name(f"{target.name}.part"), *target.parents):
        if place == root:
            return
        if place.is_symlink():
            raise InputError(
                f"The cache holds a symbolic link at {str(place)!r}, which is not followed. Remove "
                f"it, or name another cache with cache_dir= or {CACHE_VARIABLE}."
            )


@contextlib.contextmanager
def _locked(part):
    """The `.part` file, open for reading and writing, and this process alone in it."""
    while True:
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            number = os.open(
                part,
                os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0),
                0o666,
            )
        except FileNotFoundError:
            continue  # another process, whose download was refused, removed the empty folder
        with os.fdopen(number, "r+b") as stream:
            if fcntl is None:
                yield stream
                return
            fcntl.flock(stream, fcntl.LOCK_EX)
            # While this process waited, the file may have been given its name, or removed.
            try:
                current = os.path.samestat(os.fstat(number), os.stat(part))
            except FileNotFoundError:
                current = False
            if current:
                yield stream
                return


def _prune(folder, root):
    """Removes folders that a refused download left empty, up to the cache's root."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
