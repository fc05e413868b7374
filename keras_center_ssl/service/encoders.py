"""The encoders of a service: each an ONNX file under a name, perhaps with features to search."""

import io
import pathlib

import numpy as np

from keras_center_ssl.errors import InputError
from keras_center_ssl.images.reading import read_file
from keras_center_ssl.images.regular_files import Unreadable
from keras_center_ssl.onnx_encoder import OnnxEncoder
from keras_center_ssl.service.batches import Batches
from keras_center_ssl.service.neighbors import Neighbors


class ServedEncoder:
    """An encoder, and what its images are compared with.

    Args:
        name: In the address.
        path: `encoder.onnx`, in any precision.
        neighbors: Path of an `.npz` of `center-ssl embed`, or `None`.
        batch: Most images of several requests in one call of the encoder; 1: each request by
            itself. An encoder that takes any size gets one image at a time.
    """

    def __init__(self, name, path, neighbors=None, batch=1):
        self.name = name
        self._encoder = OnnxEncoder(path)
        self.input_shape = self._encoder.input_shape
        self.feature_dim = self._encoder.feature_dim
        self.metadata = self._encoder.metadata
        self._together = self._encoder.embed
        if batch > 1:
            self._together = Batches(self._encoder.embed, batch)
        self.neighbors = None if neighbors is None else Neighbors(neighbors, self.feature_dim)

    def embed(self, files, max_pixels):
        """Features `(B, D)` of image files, given as bytes.

        Raises:
            InputError: Says which file cannot be read, and why.
        """
        height, width, channels = self.input_shape
        images = []
        for number, content in enumerate(files):
            try:
                images.append(
                    read_file(io.BytesIO(content), (height, width), channels, max_pixels)[None]
                )
            except Unreadable as error:
                raise InputError(f"Image {number} cannot be read: {error}.") from None
        if None in self.input_shape:  # each of its own size
            return np.concatenate([self._encoder.embed(image) for image in images])
        return self._together(np.concatenate(images))


def open_encoders(places, neighbors=(), batch=1):
    """Name -> `ServedEncoder` of what the command line names.

    Args:
        places: Paths of `.onnx` files or of bundles, each perhaps after `NAME=`. Without a name,
            an encoder is called as its file says of itself, else as its folder.
        neighbors: Paths of `.npz` files, after `NAME=` where there are several encoders.
        batch: See `ServedEncoder`.

    Raises:
        InputError: For no encoders, two of one name, and whatever is wrong with a file.
    """
    named = [_named(place) for place in places]
    if not named:
        raise InputError("No encoder is named. Give an encoder.onnx, or a bundle that has one.")
    names = [name for name, _ in named]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"Two encoders are called {twice[0]!r}. Give them names: "
            f"NAME={named[names.index(twice[0])][1]}."
        )
    searched = {}
    for place in neighbors:
        name, file = _split(place)
        if name is None and len(names) == 1:
            name = names[0]
        if name not in names:
            raise InputError(
                f"`--neighbors` is NAME=FILE.npz with the name of an encoder ({', '.join(names)}); "
                f"received {str(place)!r}."
            )
        searched[name] = file
    return {name: ServedEncoder(name, path, searched.get(name), batch) for name, path in named}


def _named(place):
    name, path = _split(place)
    if path.is_dir():
        path = path / "encoder.onnx"
    if name is None:
        name = OnnxEncoder(path).metadata.get("name") or path.absolute().parent.name
    if not name or "/" in name:
        raise InputError(f"The encoder {str(path)!r} needs a name without '/': NAME={path}.")
    return name, path


def _split(place):
    """`(name or None, path)` of `NAME=PATH` or `PATH`."""
    text = str(place)
    name, sign, path = text.partition("=")
    if sign and "/" not in name and not pathlib.Path(text).exists():
        return name, pathlib.Path(path).expanduser()
    return None, pathlib.Path(text).expanduser()
