"""Files that are written whole or not at all, and what the system refuses in a sentence."""

import contextlib
import csv
import errno
import io
import json
import os
import pathlib
import re
import secrets

_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
# Of bundles, zoo entries and models: names of folders too, on any system.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.tmp(\.[^.]+)?$")

_ADVICE = {
    **dict.fromkeys(_FULL, "There is no room left: make some, or write to another disk."),
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM, errno.EROFS),
        "Give a place that you may read and write, or change its permissions.",
    ),
    errno.EISDIR: "It is a folder and a file is expected; give another name.",
    errno.ENOTDIR: "A part of this path is a file where a folder is expected.",
    errno.EEXIST: "Give another name, or remove what is there.",
    errno.ENOENT: "Check the path.",
    errno.ENAMETOOLONG: "Give a shorter name.",
    errno.ENXIO: "Accepted are regular files; give another name.",
}


@contextlib.contextmanager
def atomic_path(path):
    """A path to write to that becomes `path` when all of it is on the disk, or never.

    For writers that want a name, such as `model.save`; it ends like `path`.

    Args:
        path: The file to make or to replace. Links are followed.

    Raises:
        OSError: With `path` as its `filename`, also where the writer has put the system's words
            into an error of its own, as HDF5 and TensorFlow do. Nothing is left behind, then, and
            an earlier file is as it was.
    """
    path = pathlib.Path(os.path.realpath(path))
    temporary = path.with_name(f"{path.stem[:80]}.{secrets.token_hex(8)}.tmp{path.suffix}")
    with _whole(path, temporary):
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())


@contextlib.contextmanager
def atomic_file(path):
    """A binary file to write that gets its name when all of it is on the disk, or never.

    Arguments and errors as in `atomic_path`.
    """
    path = pathlib.Path(os.path.realpath(path))
    temporary = path.with_name(f"{path.stem[:80]}.{secrets.token_hex(8)}.tmp")
    with _whole(path, temporary), open(temporary, "xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _whole(path, temporary):
    """Gives `temporary` the name `path` after the block, or removes it where the block raises."""
    _check_kind(path)
    try:
        yield
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno is not None:
            if error.filename in (None, temporary, str(temporary)):
                error.filename, error.filename2 = str(path), None
            raise
        if is_disk_full(error):
            raise _system_error(errno.ENOSPC, path) from error
        raise
    sync_folder(path.parent)


def check_writable(path):
    """Raises the `OSError` that writing a file would end in, before the work for it is done."""
    path = pathlib.Path(os.path.realpath(path))
    _check_kind(path)
    folder = next(parent for parent in path.parents if parent.exists())
    if not folder.is_dir():
        raise _system_error(errno.ENOTDIR, path)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _system_error(errno.EACCES, path)


def _check_kind(path):
    if path.is_dir():
        raise _system_error(errno.EISDIR, path)
    if path.exists() and not path.is_file():
        raise OSError(errno.ENXIO, "A device or a pipe", str(path))


def _system_error(number, path):
    return OSError(number, os.strerror(number), str(path))


def write_text(path, text):
    """Writes a text file in UTF-8 so that a reader never sees half of it."""
    with atomic_file(path) as file:
        file.write(text.encode("utf-8"))


def write_json(path, content):
    """Writes JSON so that a reader never sees half of it."""
    write_text(path, json.dumps(content, indent=2))


def write_csv(path, titles, rows):
    """Writes a table so that a reader never sees half of it."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([titles, *rows])
    with atomic_file(path) as file:
        # Names of files may hold bytes that are no UTF-8.
        file.write(text.getvalue().encode("utf-8", "surrogateescape"))


def is_plain_name(name):
    """Whether `name` is a string that can name a folder, on any system."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def is_unfinished(name):
    """Whether a file's name is one that a process gives while it writes."""
    return _UNFINISHED.search(name) is not None


def remove_unfinished(folder):
    """Removes what a killed process has left half-written in a folder that is locked."""
    for path in pathlib.Path(folder).iterdir():
        if is_unfinished(path.name) and path.is_file():
            path.unlink(missing_ok=True)


def sync_folder(folder):
    """Brings the names in a folder to the disk, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def is_disk_full(error):
    """Whether an error says that there is no room left: on the disk, in a quota or in a file."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        # HDF5 and TensorFlow put the system's words into errors of their own.
        if any(os.strerror(number) in str(error) for number in _FULL):
            return True
        error = error.__cause__ or error.__context__
    return False


def in_words(error):
    """A system error in a sentence or two: which file, what is wrong, what to do."""
    if is_disk_full(error) and getattr(error, "errno", None) not in _FULL:
        error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    reason = error.strerror or (str(error).strip() or type(error).__name__).splitlines()[0]
    files = [name for name in (error.filename, error.filename2) if name is not None]
    names = [repr(name if isinstance(name, int) else os.fsdecode(name)) for name in files]
    where = f"{' and '.join(names)}: " if names else ""
    return f"{where}{reason.rstrip('.')}. {_ADVICE.get(error.errno, '')}".rstrip()


def numpy_reason(error):
    """Why NumPy refuses a file, in our words: its own end in advice to load it unsafely."""
    text = str(error).strip() or type(error).__name__
    if any(word in text.lower() for word in ("pickle", "object array", "header_size", "securely")):
        return "it holds Python objects or is no NumPy file; only arrays of numbers are read"
    return text.splitlines()[0].rstrip(".")
