"""From whatever a user names to a source. A new kind of source is one function in `_RESOLVERS`."""

import os
import pathlib

import numpy as np

from keras_center_ssl.data import named, pixels
from keras_center_ssl.data.array_source import from_arrays
from keras_center_ssl.data.folder_source import folder
from keras_center_ssl.data.numpy_files import numpy_file
from keras_center_ssl.data.source import Source
from keras_center_ssl.data.stream_source import stream
from keras_center_ssl.data.tfds import tfds_dataset
from keras_center_ssl.errors import InputError, nearest

_ACCEPTED = (
    "a NumPy array of images (N, H, W) or (N, H, W, C), a pair (images, labels) of arrays, the "
    "path of a folder of images or of a .npy or .npz file, a tf.data.Dataset of images or (image, "
    "label) pairs, 'tfds:NAME', or one of the names " + ", ".join(named.NAMES)
)


def resolve(source, request):
    """Returns the source that `source` stands for, as a `Request` asks for it.

    Raises:
        InputError: when it stands for none, or holds anything that is not an image in range.
    """
    for resolver in _RESOLVERS:
        found = resolver(source, request)
        if found is not None:
            break
    else:
        raise InputError(
            f"Unknown source of images of type {type(source).__name__}. Accepted: {_ACCEPTED}."
        )
    if request.labels is not None:
        found = found.with_labels(request.labels)
    if request.limit is not None:
        found = found.take(request.limit)
    if found.count == 0:
        raise pixels.empty()
    return found.conformed(request.image_size, request.channels)


def _source(source, request):
    return source if isinstance(source, Source) else None


def _path(source, request):
    if not isinstance(source, (str, os.PathLike)):
        return None
    path = pathlib.Path(source).expanduser()
    if not str(source) or not _exists(path):
        raise _missing(source, path)
    found = folder(source, request) or numpy_file(source, request)
    if found is None:
        raise InputError(
            f"{str(source)!r} is a file of a kind that is not read here. Accepted: {_ACCEPTED}."
        )
    return found


def _exists(path):
    try:
        return path.exists()
    except (OSError, ValueError):  # too long a name, say
        return False


def _missing(source, path):
    """The error for a name or a path that does not exist; suggests what is nearest."""
    near = nearest(source, named.NAMES)
    if not near:
        # The first part of the path that is missing is compared with what is there.
        parent, name = path.parent, path.name
        while not _exists(parent) and parent != parent.parent:
            parent, name = parent.parent, parent.name
        if parent.is_dir() and os.access(parent, os.R_OK):
            near = nearest(name, os.listdir(parent))
    return InputError(
        f"Unknown source of images {str(source)!r}: neither a known name nor a path, seen from "
        f"{str(pathlib.Path.cwd())!r}.{near} Accepted: {_ACCEPTED}."
    )


def _tf_dataset(source, request):
    # A string, an array or a list is none; asking first spares them the import.
    return stream(source, request.data_format) if hasattr(source, "element_spec") else None


def _arrays(source, request):
    if isinstance(source, (bytes, dict)) or source is None:
        return None
    if not hasattr(source, "__array__") and not isinstance(source, (list, tuple)):
        return None
    images, labels = source if _is_pair(source) else (source, None)
    labels = None if labels is None else np.asarray(labels)
    return from_arrays(pixels.as_array(images), labels, "array", request.data_format)


def _is_pair(source):
    """Whether a tuple is one of images and labels, and not of two images."""
    if not isinstance(source, tuple) or len(source) != 2:
        return False
    try:
        return np.ndim(source[1]) <= 2
    except ValueError:  # lists of several lengths
        return False


_RESOLVERS = (
    _source,
    named.digits,
    named.keras_dataset,
    tfds_dataset,
    _path,
    _tf_dataset,
    _arrays,
)
