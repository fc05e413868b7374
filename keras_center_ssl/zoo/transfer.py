"""How transfers fail, and how long one is waited for."""

import math
import os
import time

from keras_center_ssl.errors import InputError

TIMEOUT_VARIABLE = "KERAS_CENTER_SSL_TIMEOUT"

# Seconds without progress after which a transfer ends.
TIMEOUT = 30.0
# Bytes per second, over that time, below which a trickle is no progress.
SLOWEST = 1024


class TransferError(Exception):
    """A transfer that failed in a way that may pass: worth another try."""


class TooSlowError(TransferError):
    """A transfer that made no progress for as long as is waited: not worth another try now."""


def timeout_seconds(timeout=None):
    """How long to wait for progress: `timeout`, else `$KERAS_CENTER_SSL_TIMEOUT`, else 30 s.

    Raises:
        InputError: If it is not a finite number above 0.
    """
    name = "timeout="
    if timeout is None:
        timeout, name = os.environ.get(TIMEOUT_VARIABLE) or TIMEOUT, TIMEOUT_VARIABLE
    try:
        seconds = float(timeout)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise InputError(
            f"{name} is a number of seconds above 0, such as 30; received {timeout!r}."
        )
    return seconds


class Patience:
    """What is left of the time in which a transfer must make progress.

    One for all the connections of a transfer, so that new ones do not start the clock anew.
    Progress is `SLOWEST` bytes per second over the time that is waited: a server that drips is no
    better than one that is silent.

    Args:
        seconds: The longest time without progress.
        total: The longest time of the whole transfer; none unless given.
    """

    def __init__(self, seconds, total=math.inf):
        self.seconds = seconds
        self._total = total
        self._ends = time.monotonic() + total
        self._restart()

    def _restart(self):
        self._since, self._bytes = time.monotonic(), 0

    def received(self, count):
        """Takes note of bytes that arrived."""
        self._bytes += count
        if self._bytes >= self.seconds * SLOWEST:
            self._restart()

    def wait(self):
        """Seconds to wait for the next bytes on one connection.

        At most half of the time, so that a connection that died in silence is tried anew.

        Raises:
            TooSlowError: If the time is over.
        """
        now = time.monotonic()
        left = min(self._since + self.seconds, self._ends) - now
        if left > 0:
            return min(left, self.seconds / 2)
        if now >= self._ends:
            raise TooSlowError(f"it was not complete after {self._total:g} s")
        came = f"only {self._bytes} bytes" if self._bytes else "no byte"
        raise TooSlowError(f"{came} came in {self.seconds:g} s")

    def sleep(self, seconds):
        """Pauses before another try, as far as time is left."""
        time.sleep(min(seconds, self.wait()))
