"""A zoo in a folder."""

import os
import stat
from pathlib import Path

from keras_center_ssl.errors import InputError
from keras_center_ssl.records import LARGEST
from keras_center_ssl.zoo.index import INDEX, parse_index
from keras_center_ssl.zoo.problems import incomplete, unreachable
from keras_center_ssl.zoo.transfer import TransferError


class FolderZoo:
    """A zoo in a folder.

    Args:
        path: The folder, which holds `index.json` and one folder per entry.

    Attributes:
        address: The folder's absolute path, a string.
        timeout: `None`: a disk is not waited for.
        index_sha256: The SHA-256 that the index has to have; `None` for any.
        index: The bytes of the index, once it was read.
    """

    timeout = None
    index_sha256: str | None = None
    index: bytes = b""

    def __init__(self, path):
        self.root = Path(os.path.abspath(Path(path).expanduser()))
        self.address = str(self.root)

    def entries(self):
        """Name -> `ZooEntry`.

        Raises:
            InputError: If there is no zoo, or its index is invalid.
        """
        if not self.root.is_dir():
            raise InputError(f"There is no zoo at {self.address!r}: no such folder.")
        if not (self.root / INDEX).exists():
            raise InputError(
                f"The folder {self.address!r} is no zoo yet: it has no {INDEX}. Publish a bundle "
                "to it (center-ssl zoo publish, kcs.zoo.publish), or name another zoo with source=."
            )
        stream, _ = self.open(INDEX)
        with stream:
            self.index = stream.read(LARGEST + 1)
        return parse_index(self.index, self.address, self.index_sha256)

    def open(self, path, offset=0, size=None, patience=None):
        """A stream of a file from byte `offset` on, and the offset that it really begins at.

        Arguments and errors as in `HttpZoo.open`; `size` and `patience` are not used.
        """
        place = self.root
        for part in path.split("/"):
            place = place / part
            if place.is_symlink():
                raise InputError(
                    f"The zoo {self.address!r} holds a symbolic link at {path!r}; links are not "
                    "followed. Publish the bundle anew."
                )
        try:
            if not stat.S_ISREG(place.stat().st_mode):
                raise incomplete(self.address, path)
            stream = place.open("rb")
            stream.seek(offset)
        except FileNotFoundError:
            raise incomplete(self.address, path) from None
        except OSError as error:
            raise unreachable(self.address, error.strerror) from error
        return _Stream(stream), offset


class _Stream:
    """A file, whose errors are those of a transfer."""

    def __init__(self, file):
        self._file = file

    def read(self, count):
        try:
            return self._file.read(count)
        except OSError as error:
            raise TransferError(error.strerror or str(error)) from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
