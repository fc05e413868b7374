"""Whether images fit into memory."""

import contextlib
import os
import pathlib
import re

from keras_center_ssl.errors import InputError


def check_memory(name, size):
    """Raises `InputError` where `size` bytes do not fit into memory."""
    free = available_memory()
    if free is not None and size > 0.8 * free:
        raise InputError(
            f"The images of {name!r} take {_gib(size)} in memory, and {_gib(free)} are available. "
            "Read them batch by batch with `kcs.data.batches`, or make less of them with "
            "`limit=`, `image_size=` or `channels=1`."
        )


def available_memory():
    """Bytes that this process may still take, or None where the system does not tell."""
    found = []
    with contextlib.suppress(OSError, ValueError, AttributeError):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(OSError, AttributeError):
        text = pathlib.Path("/proc/meminfo").read_text()
        found.append(int(re.search(r"MemAvailable:\s+(\d+) kB", text)[1]) * 1024)
    # A container has its own limit ("max" where it has none).
    with contextlib.suppress(OSError, ValueError):
        group = pathlib.Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())
        found.append(limit - int((group / "memory.current").read_text()))
    return min(found, default=None)


def _gib(size):
    return f"{size / 2**30:.1f} GiB" if size >= 2**28 else f"{size / 2**20:.1f} MiB"
