"""What one request and one server may take."""

import dataclasses

from keras_center_ssl.errors import InputError


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds of the service; a request beyond them is refused and says which.

    Attributes:
        body_bytes: Of a request.
        images: Of a request.
        pixels: Height times width of an image file, before it is resized: what it unfolds to.
        workers: Requests that are computed at once; at least `batch`, since those of a batch are.
        waiting: Requests that may wait for a worker; further ones are told to come again (503).
        retry_after: Seconds, said to those.
        neighbors: Most neighbours per image.
        batch: Most images of several requests in one call of an encoder; 1: each by itself.
    """

    body_bytes: int = 16 * 2**20
    images: int = 64
    pixels: int = 32_000_000
    workers: int = 2
    waiting: int = 32
    retry_after: int = 1
    neighbors: int = 100
    batch: int = 1

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value, least = getattr(self, field.name), 0 if field.name == "waiting" else 1
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(
                    f"`{field.name}` is a whole number from {least} on; received {value!r}."
                )
        object.__setattr__(self, "workers", max(self.workers, self.batch))
