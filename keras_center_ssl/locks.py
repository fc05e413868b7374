"""One writer at a time: locks among processes, which end with the process that holds them."""

import contextlib
import os
import pathlib
import time

from keras_center_ssl.errors import InputError

# The lock file of a folder, inside it. It does not count as content.
LOCK = ".lock"

_HOLDER = "Held by process "


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
