"""Files that are written whole or not at all, locks on them, and system errors in a sentence."""

import contextlib
import csv
import errno
import io
import json
import os
import pathlib
import re
import secrets
import time

from keras_center_ssl.errors import InputError

# The lock file of a folder, inside it. It does not count as content.
LOCK = ".lock"

_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
_UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.tmp(\.[^.]+)?$")
_HOLDER = "Held by process "

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


class Lock:
    """A lock file that this process holds; see `locked`."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self._file = self.path.stat()

    def still_held(self):
        """Whether the file is ours: not where somebody has removed the folder and made another."""
        try:
            return os.path.samestat(self.path.stat(), self._file)
        except OSError:
            return False

    def sign(self):
        """Writes down who holds the lock, for whoever is refused."""
        # A lock of another kind, as on file systems without locks, has content of its own.
        if _read(self.path).startswith(_HOLDER) or not self._file.st_size:
            with contextlib.suppress(OSError):
                now = time.strftime("%Y-%m-%d %H:%M:%S")
                self.path.write_text(f"{_HOLDER}{os.getpid()}, since {now}", "utf-8")


@contextlib.contextmanager
def locked(path, what, wait=0.0, waiting=None):
    """Holds a lock while its block runs. The system frees it when the process dies, however.

    Args:
        path: The lock file: `folder / LOCK` for a folder, or a hidden name beside what is locked.
            It is removed afterwards, and so are folders that had to be made for it and are empty.
        what: What is locked, for the error: "the run folder 'runs/a'".
        wait: Seconds to wait for another process; -1 without an end.
        waiting: Called once where there is another to wait for, to say so.

    Yields:
        The `Lock`.

    Raises:
        InputError: Where another process holds it; says which, and since when.
        OSError: Where the lock file cannot be written.
    """
    import filelock

    path = pathlib.Path(path)
    made = [folder for folder in path.parents if not folder.exists()]
    system = filelock.FileLock(path)
    try:
        _acquire(system, wait, waiting)
    except filelock.Timeout:
        raise InputError(
            f"Another process writes to {what}{_holder(path)}: wait until it is done, or give "
            "another place. Nothing was changed."
        ) from None
    try:
        lock = Lock(path)
        lock.sign()
        try:
            yield lock
        finally:
            # Before it is released: afterwards it may be somebody else's.
            with contextlib.suppress(OSError):
                if lock.still_held():
                    path.unlink()
                for folder in made:
                    folder.rmdir()
    finally:
        system.release()


def _acquire(system, wait, waiting):
    import filelock

    folder = pathlib.Path(system.lock_file).parent
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return system.acquire(timeout=0 if waiting else wait, poll_interval=0.05)
        except FileNotFoundError:
            continue  # whoever had the lock has removed the folder that was made for it
        except filelock.Timeout:
            if not waiting:
                raise
            waiting()
            waiting = None


def _holder(path):
    """ " (process 12, since 10:00)" for a lock file that says so."""
    text = _read(path)
    return f" (process {text.removeprefix(_HOLDER)})" if text.startswith(_HOLDER) else ""


def _read(path):
    """Content of a lock file; on Windows nobody but the holder can read it."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


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
