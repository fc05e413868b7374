"""One file of a zoo into the cache: resumed, and verified before it gets its name.

A file is written to `<file>.part`, which a broken transfer leaves for the next try to go on from.
Its size and SHA-256 are checked before `os.replace` gives it its name, so that a file with its
final name is always whole. What is in a part is lost only where it is proven wrong.
"""

import contextlib
import hashlib
import os
import stat

from keras_center_ssl.errors import InputError
from keras_center_ssl.files import in_words
from keras_center_ssl.zoo.cache import part_of, prune
from keras_center_ssl.zoo.problems import changed
from keras_center_ssl.zoo.transfer import Patience, TooSlowError, TransferError

# Tries in a row that bring no byte before a download gives up, and the first pause between them.
TRIES = 4
PAUSE = 0.5

_CHUNK = 2**20


def is_intact(target, file):
    """Whether the cache holds a file as the index describes it."""
    try:
        status = target.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size != file.size:
            return False
        with target.open("rb") as stream:
            return _digest(stream) == file.sha256
    except OSError:
        return False


def fetch(zoo, entry, path, folder, progress=None):
    """Brings one file of an entry into its folder in the cache, which this process has alone.

    Args:
        zoo: Where it comes from.
        entry: The `ZooEntry`.
        path: The file, relative to the entry.
        folder: The entry's folder in the cache.
        progress: See `download`.

    Raises:
        InputError: If it cannot be had or written, or is not what the index says.
    """
    file, target = entry.files[path], folder / path
    transfer = _Transfer(zoo, f"{entry.name}/{path}", file, progress)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _opened(part_of(target)) as stream:
            transfer.fill(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part_of(target), target)
    except TransferError as error:
        kept = part_of(target).stat().st_size
        raise InputError(
            f"The download of {path!r} of {entry.name!r} from {zoo.address!r} broke off: {error}. "
            f"{kept} of {file.size} bytes are kept; the same call goes on there."
        ) from error
    except OSError as error:
        raise InputError(f"Cannot write {str(target)!r}. {in_words(error)}") from error
    finally:
        _remove_empty(part_of(target), folder)


class _Transfer:
    """The transfer of one file, over as many connections as it takes."""

    def __init__(self, zoo, path, file, progress):
        self._zoo, self._path, self._file, self._progress = zoo, path, file, progress
        self._patience = Patience(zoo.timeout) if zoo.timeout else None

    def fill(self, stream):
        """Fills `stream` from where it ends, and checks size and hash.

        Raises:
            InputError: If the file is not the one of the index, or is not given.
            TransferError: If it did not come to an end.
        """
        resumed = stream.seek(0, os.SEEK_END) > 0
        if stream.tell() > self._file.size:
            stream.truncate(0)
        self._receive(stream)
        if resumed and not self._is_right(stream):
            # What an earlier run left may have been of another version: once more from nothing.
            stream.truncate(0)
            self._receive(stream)
        if not self._is_right(stream):
            stream.truncate(0)
            raise changed(self._zoo.address, self._path)

    def _is_right(self, stream):
        size = stream.seek(0, os.SEEK_END)
        return size == self._file.size and _digest(stream) == self._file.sha256

    def _receive(self, stream):
        """Goes on until as many bytes are there as there should be, or more."""
        fruitless = 0
        while (before := stream.seek(0, os.SEEK_END)) < self._file.size or not self._file.size:
            problem = "the connection closed early"
            try:
                self._read_into(stream)
            except TooSlowError:
                raise
            except TransferError as error:
                problem = str(error)
            end = stream.seek(0, os.SEEK_END)
            if end >= self._file.size:
                return
            fruitless = 0 if end > before else fruitless + 1
            if fruitless == TRIES:
                raise TransferError(problem)
            if fruitless:
                self._pause(PAUSE * 2 ** (fruitless - 1))

    def _read_into(self, stream):
        size = self._file.size
        source, begin = self._zoo.open(self._path, stream.tell(), size, self._patience)
        with source:
            # A server without ranges starts anew: over what is there, which stays if that breaks.
            stream.seek(begin)
            self._tell(stream)
            # One byte more than there should be tells a file that is too long.
            while left := size + 1 - stream.tell():
                chunk = source.read(min(_CHUNK, left))
                if not chunk:
                    return
                stream.write(chunk)
                self._tell(stream)

    def _tell(self, stream):
        if self._progress is not None:
            self._progress(self._path, min(stream.tell(), self._file.size), self._file.size)

    def _pause(self, seconds):
        if self._patience is not None:
            self._patience.sleep(seconds)


@contextlib.contextmanager
def _opened(part):
    """A `.part` file for reading and writing, made where there is none. No link is followed."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(part, flags, 0o666), "r+b") as stream:
        yield stream


def _remove_empty(part, folder):
    """Removes what a download that brought nothing has left."""
    with contextlib.suppress(OSError):
        if part.stat().st_size == 0:
            part.unlink()
    prune(part.parent, folder.parent)


def _digest(stream):
    stream.seek(0)
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
