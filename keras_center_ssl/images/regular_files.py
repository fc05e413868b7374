"""Opening files that may be anything: only regular ones are read, and none can block."""

import os
import stat

_LARGEST = 2**30  # bytes; an image of more is none
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


class Unreadable(Exception):
    """Why a file is no image that can be read."""


def irregular(status):
    """Why a file of this `os.stat_result` is not read, or None for a regular one."""
    if stat.S_ISREG(status.st_mode):
        return None
    kind = next((words for is_kind, words in _KINDS if is_kind(status.st_mode)), "something else")
    return f"{kind}, not a regular file"


def open_regular(path):
    """A regular file, open for reading bytes.

    Raises:
        Unreadable: for all others, and where it cannot be opened.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)  # a pipe without a writer would wait for one
        status = os.fstat(descriptor)
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from None
    reason = irregular(status)
    if reason is None and status.st_size > _LARGEST:
        reason = f"a file of {status.st_size / 2**30:.1f} GiB, which no image is"
    if reason is not None:
        os.close(descriptor)
        raise Unreadable(reason)
    return open(descriptor, "rb")
