"""What is asked of a source of images, checked."""

import dataclasses

from keras_center_ssl.data.arguments import (
    check_channels,
    check_count,
    check_data_format,
    check_image_size,
)
from keras_center_ssl.errors import one_of

SPLITS = ("train", "test")


@dataclasses.dataclass(frozen=True, eq=False)
class Request:
    """The arguments that `multi_view`, `batches`, `load` and `open_source` share; see there.

    Raises:
        InputError: for an argument that is none.
    """

    labels: object = None
    split: str = "train"
    limit: int | None = None
    image_size: int | tuple | None = None
    channels: int | None = None
    data_format: str | None = None

    def __post_init__(self):
        if self.split not in SPLITS:
            raise one_of("split", self.split, SPLITS)
        check_count("limit", self.limit, optional=True)
        object.__setattr__(self, "image_size", check_image_size(self.image_size))
        check_channels(self.channels)
        check_data_format(self.data_format)
