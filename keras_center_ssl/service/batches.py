"""Images of several requests in one call of the encoder, without waiting for company.

What comes while a batch is computed is the next batch: alone a request is answered as quickly as
ever, and under load batches grow by themselves.
"""

import collections
import threading

import numpy as np


class Batches:
    """Calls of one function by many threads, joined.

    Args:
        function: `(N, ...)` to `(N, D)`, row by row.
        most: Rows of one call, unless a single caller has more.
    """

    def __init__(self, function, most):
        self._function, self._most = function, most
        self._waiting = collections.deque()
        self._queue = threading.Lock()
        self._turn = threading.Lock()

    def __call__(self, rows):
        """`function(rows)`, computed by this thread or by one that was here before.

        Raises:
            Exception: Whatever the function raises, for all whose rows were in that call.
        """
        job = _Job(rows)
        with self._queue:
            self._waiting.append(job)
        while not job.done:
            with self._turn:
                if not job.done:
                    self._next()
        if job.error is not None:
            raise job.error
        return job.result

    def _next(self):
        """Computes who waits longest, with as many of the next as there is room for."""
        with self._queue:
            jobs = [self._waiting.popleft()]
            count = len(jobs[0].rows)
            while self._waiting and count + len(self._waiting[0].rows) <= self._most:
                jobs.append(self._waiting.popleft())
                count += len(jobs[-1].rows)
        try:
            found = self._function(np.concatenate([job.rows for job in jobs]))
            ends = np.cumsum([len(job.rows) for job in jobs])
            for job, part in zip(jobs, np.split(found, ends[:-1]), strict=True):
                job.result = part
        except Exception as error:
            for job in jobs:
                job.error = error
        finally:
            for job in jobs:
                job.done = True


class _Job:
    def __init__(self, rows):
        self.rows, self.result, self.error, self.done = rows, None, None, False
