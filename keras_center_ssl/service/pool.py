"""Work off the event loop: threads, a short queue before them, a refusal when it is full."""

import asyncio
import concurrent.futures
import threading


class Busy(Exception):
    """The queue is full."""


class Pool:
    """Threads that compute, for an event loop that only talks.

    ONNX Runtime and Pillow let go of Python's lock while they work, so that threads are enough.

    Args:
        workers: Threads.
        waiting: Jobs that may wait for one.
    """

    def __init__(self, workers, waiting):
        self._room = workers + waiting
        self._threads = concurrent.futures.ThreadPoolExecutor(workers, "service")
        self._lock = threading.Lock()
        self.pending = 0

    def check(self):
        """Raises `Busy` where all threads work and the queue is full."""
        if self.pending >= self._room:
            raise Busy

    async def run(self, function, *arguments):
        """What `function(*arguments)` returns, from one of the threads.

        Raises:
            Busy: At once, where all threads work and the queue is full.
        """
        with self._lock:
            self.check()
            self.pending += 1
        job = self._threads.submit(function, *arguments)
        # By the job and not by who waits for it: a client that hangs up leaves the thread at work.
        job.add_done_callback(self._done)
        return await asyncio.wrap_future(job)

    def _done(self, job):
        with self._lock:
            self.pending -= 1

    def close(self):
        """Waits for the jobs that have begun; what waits is not begun any more."""
        self._threads.shutdown(wait=True, cancel_futures=True)
