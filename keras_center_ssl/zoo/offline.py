"""Zoos on the network, without the network: what the cache has of them."""

import os

from keras_center_ssl.errors import InputError
from keras_center_ssl.zoo.cache import cache_folder, read_memory
from keras_center_ssl.zoo.index import INDEX, parse_index

OFFLINE_VARIABLE = "KERAS_CENTER_SSL_OFFLINE"
_WORDS = {"": False, "0": False, "false": False, "no": False, "off": False}
_WORDS |= {"1": True, "true": True, "yes": True, "on": True}


def is_offline():
    """Whether `KERAS_CENTER_SSL_OFFLINE` says that the network is not to be used.

    Raises:
        InputError: If it says something else.
    """
    text = os.environ.get(OFFLINE_VARIABLE, "").strip().lower()
    if text not in _WORDS:
        raise InputError(f"{OFFLINE_VARIABLE} is 1 or 0; it is {text!r}.")
    return _WORDS[text]


class OfflineZoo:
    """What the cache has of a zoo on the network. Methods and attributes as in `FolderZoo`.

    Args:
        address: Of the zoo.
        cache_dir: See `download`.
    """

    timeout = None
    index_sha256: str | None = None
    index: bytes = b""

    def __init__(self, address, cache_dir):
        self.address = address
        self._folder = cache_folder(self, cache_dir)

    def entries(self):
        """Name -> `ZooEntry`, as the index was at the last download."""
        memory = read_memory(self._folder)
        if memory is None:
            raise self._missing(INDEX)
        self.index = memory["index"].encode()
        return parse_index(self.index, self.address, self.index_sha256)

    def open(self, path, offset=0, size=None, patience=None):
        """Refuses: what the cache has is not asked for."""
        raise self._missing(path)

    def _missing(self, path):
        return InputError(
            f"The cache has no {path!r} of the zoo {self.address!r}, and the network is not used "
            f"({OFFLINE_VARIABLE}, --offline): download it once with the network."
        )
