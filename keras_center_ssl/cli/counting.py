"""What is seen of many images on their way: a bar with images/s and the time left, or lines."""

import time

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

# Seconds between two plain lines.
_PAUSE = 10.0


class ImageProgress:
    """Shows how many images are done; `report` is a `progress=` of `kcs.evaluation.embed_source`.

    It is a context manager, and writes to the standard error.

    Args:
        console: The console of the standard error.
        verb: What is done with the images.
        clock: A function that gives seconds.
        quiet: Whether to show nothing.
    """

    def __init__(self, console, verb="Embedding", clock=time.monotonic, quiet=False):
        self._console, self._verb, self._clock, self._quiet = console, verb, clock, quiet
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=quiet or not console.moves,
        )
        self._task, self.done = None, 0
        self._began = self._said = clock()
        self._before = None

    def __enter__(self):
        self._bar.start()
        return self

    def __exit__(self, *_):
        self._bar.stop()

    @property
    def rate(self):
        """Images a second so far; of several batches, without the first, which takes longest."""
        began, before = self._began, 0
        if self._before and self.done > self._before[1]:
            began, before = self._before
        return (self.done - before) / max(self._clock() - began, 1e-9)

    def report(self, done, total):
        """Takes note that `done` of `total` images are done; `None`: who knows how many."""
        self.done = done
        self._before = self._before or (self._clock(), done)
        if not self._bar.disable:
            if self._task is None:
                self._task = self._bar.add_task(self._verb, total=total, rate="")
            self._bar.update(self._task, completed=done, rate=f"{self.rate:,.0f} images/s")
            return
        now = self._clock()
        if now - self._said >= _PAUSE and not self._quiet:
            self._said = now
            self._console.print(self._line(done, total))

    def _line(self, done, total):
        count = f"{done:,} of {total:,}" if total else f"{done:,}"
        words = f"{self._verb}: {count} images"
        words += f", {self.rate:,.0f} images/s"
        if total and total > done:
            words += f", {(total - done) / max(self.rate, 1e-9):.0f} s left"
        return words
