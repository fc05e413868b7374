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
        workers: Requests that are computed at once.
        waiting: Requests that may wait for a worker; further ones are told to come again (503).
        retry_after: Seconds, said to those.
        neighbors: Most neighbours per image.
    """

    body_bytes: int = 16 * 2**20
    images: int = 64
    pixels: int = 32_000_000
    workers: int = 2
    waiting: int = 32
    retry_after: int = 1
    neighbors: int = 100

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value, least = getattr(self, field.name), 0 if field.name == "waiting" else 1
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(
                    f"`{field.name}` is a whole number from {least} on; received {value!r}."
                )
