"""What a worker times: something prepared that can be run again and again.

Standard library only: every worker imports it, each in its own environment.
"""

import dataclasses
import statistics
import time
from collections.abc import Callable


@dataclasses.dataclass
class Prepared:
    """A contestant, built and warmed up.

    Args:
        run: Takes the seconds that it may last; returns the median seconds of one unit of work.
        images: Images (or views) in one unit.
        facts: What else there is to say, for example the number of parameters.
    """

    run: Callable[[float], float]
    images: int
    facts: dict = dataclasses.field(default_factory=dict)


def repeated(call, images, facts=None, least=3):
    """`Prepared` from a function without arguments that is one unit of work."""

    def run(seconds):
        call()  # untimed: another process had the cores, and the caches, until now
        durations = []
        end = time.perf_counter() + seconds
        while len(durations) < least or time.perf_counter() < end:
            start = time.perf_counter()
            call()
            durations.append(time.perf_counter() - start)
        return statistics.median(durations)

    call()
    return Prepared(run, images, facts or {})


def per_step(stamps, skipped):
    """Mean seconds between the times at which steps ended, the first `skipped` left out."""
    stamps = stamps[skipped:]
    return (stamps[-1] - stamps[0]) / (len(stamps) - 1)


def resident(kind):
    """Memory of this process in MiB: `"VmRSS"` now, `"VmHWM"` at its peak. Linux only."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(kind + ":"):
                return int(line.split()[1]) / 1024
    raise OSError(f"/proc/self/status has no {kind}")
