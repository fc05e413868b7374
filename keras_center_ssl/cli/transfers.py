"""What is seen of a download: a bar on a terminal, plain lines elsewhere."""

import time

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

# Seconds between two plain lines on one file.
_PAUSE = 5.0


class TransferProgress:
    """Shows a transfer while it runs; `report` is a `progress=` of `kcs.zoo.download`.

    It is a context manager, and writes to the standard error: the standard output of a download is
    the path alone.

    Args:
        console: The console of the standard error.
        verb: What is done with the files, as in "Downloading".
    """

    def __init__(self, console, verb="Downloading"):
        self._console, self._verb = console, verb
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.moves,
        )
        self._tasks, self._told = {}, {}

    def __enter__(self):
        self._bars.start()
        return self

    def __exit__(self, *_):
        self._bars.stop()

    def report(self, path, done, total):
        """Takes note that `done` of `total` bytes of a file are there."""
        if not self._console.moves:
            self._say(path, done, total)
            return
        if path not in self._tasks:
            self._tasks[path] = self._bars.add_task(path, total=total)
        self._bars.update(self._tasks[path], completed=done)

    def _say(self, path, done, total):
        now = time.monotonic()
        if path not in self._told:
            self._console.print(f"{self._verb} {path} ({total:,} bytes)")
        elif now - self._told[path] >= _PAUSE:
            self._console.print(f"{self._verb} {path}: {done:,} of {total:,} bytes")
        else:
            return
        self._told[path] = now
