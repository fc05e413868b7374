"""Figures of the service in Prometheus' text format (version 0.0.4)."""

import threading
from collections import Counter

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Upper bounds of the histogram, seconds.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_PREFIX = "center_ssl"


class Metrics:
    """Counts requests, images and seconds; safe among threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self._requests, self._images = Counter(), Counter()
        self._buckets, self._seconds, self._count = Counter(), Counter(), Counter()

    def request(self, encoder, status, seconds):
        """One answered request to an encoder: its HTTP status and how long it took."""
        with self._lock:
            self._requests[encoder, status] += 1
            self._seconds[encoder] += seconds
            self._count[encoder] += 1
            for bound in BUCKETS:
                if seconds <= bound:
                    self._buckets[encoder, bound] += 1

    def images(self, encoder, count):
        """So many images were embedded."""
        with self._lock:
            self._images[encoder] += count

    def text(self, pending):
        """All figures; `pending` are the requests that are being worked on, or wait."""
        with self._lock:
            lines = [
                *_head("requests_total", "counter", "Requests to an encoder, by HTTP status."),
                *(
                    f'{_PREFIX}_requests_total{{encoder="{_escaped(e)}",status="{s}"}} {n}'
                    for (e, s), n in sorted(self._requests.items())
                ),
                *_head("images_total", "counter", "Images that were embedded."),
                *(
                    f'{_PREFIX}_images_total{{encoder="{_escaped(e)}"}} {n}'
                    for e, n in sorted(self._images.items())
                ),
                *_head("request_seconds", "histogram", "Time from a request to its answer."),
                *self._histogram(),
                *_head("pending_requests", "gauge", "Requests in work, or waiting for a worker."),
                f"{_PREFIX}_pending_requests {pending}",
            ]
        return "\n".join(lines) + "\n"

    def _histogram(self):
        name = f"{_PREFIX}_request_seconds"
        for encoder, count in sorted(self._count.items()):
            label = f'encoder="{_escaped(encoder)}"'
            for bound in BUCKETS:
                yield f'{name}_bucket{{{label},le="{bound:g}"}} {self._buckets[encoder, bound]}'
            yield f'{name}_bucket{{{label},le="+Inf"}} {count}'
            yield f"{name}_sum{{{label}}} {self._seconds[encoder]:.6f}"
            yield f"{name}_count{{{label}}} {count}"


def _head(name, kind, meaning):
    return f"# HELP {_PREFIX}_{name} {meaning}", f"# TYPE {_PREFIX}_{name} {kind}"


def _escaped(value):
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
