"""Files that are written whole or not at all, and what a full disk looks like."""

import contextlib
import errno
import json
import os
import pathlib
import tempfile


@contextlib.contextmanager
def atomic_file(path):
    """A binary file to write that gets its name when all of it is on the disk, or never."""
    path = pathlib.Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(path.parent)


def write_text(path, text):
    """Writes a text file in UTF-8 so that a reader never sees half of it."""
    with atomic_file(path) as file:
        file.write(text.encode("utf-8"))


def write_json(path, content):
    """Writes JSON so that a reader never sees half of it."""
    write_text(path, json.dumps(content, indent=2))


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
        full = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
        if isinstance(error, OSError) and error.errno in full:
            return True
        # HDF5 and TensorFlow put the system's words into errors of their own.
        if any(os.strerror(number) in str(error) for number in full):
            return True
        error = error.__cause__ or error.__context__
    return False
