"""From whatever a user names to a source. A new kind of source is one function in `_RESOLVERS`."""

import os
import pathlib

import numpy as np

from keras_center_ssl.data import checks, named
from keras_center_ssl.data.folder import FolderSource, folder
from keras_center_ssl.data.numpy_files import numpy_file
from keras_center_ssl.data.sources import (
    ArraySource,
    MappedSource,
    StreamSource,
    from_arrays,
    with_labels,
)
from keras_center_ssl.data.tfds import tfds_dataset
from keras_center_ssl.errors import InputError, nearest, one_of

SPLITS = ("train", "test")

_ACCEPTED = (
    "a NumPy array of images (N, H, W) or (N, H, W, C), a pair (images, labels) of arrays, the "
    "path of a folder of images or of a .npy or .npz file, a tf.data.Dataset of images or (image, "
    "label) pairs, 'tfds:NAME', or one of the names " + ", ".join(named.NAMES)
)


def resolve(source, *, labels=None, split="train", limit=None, image_size=None, channels=None):
    """Returns the source that `source` stands for; arguments as in `multi_view`.

    Raises:
        InputError: when it stands for none, or holds anything that is not an image in range.
    """
    if split not in SPLITS:
        raise one_of("split", split, SPLITS)
    checks.check_count("limit", limit, optional=True)
    size = checks.check_image_size(image_size)
    checks.check_channels(channels)
    for resolver in _RESOLVERS:
        found = resolver(source, split)
        if found is not None:
            break
    else:
        raise InputError(
            f"Unknown source of images of type {type(source).__name__}. Accepted: {_ACCEPTED}."
        )
    if labels is not None:
        found = with_labels(found, labels)
    if limit is not None:
        found = found.take(limit)
    if found.count == 0:
        raise checks.empty()
    return found.conformed(size, channels)


def open_source(source, split="train", limit=None, *, labels=None, image_size=None, channels=None):
    """Opens a source without reading its images; arguments as in `multi_view`.

    ```python
    source = kcs.data.open_source("data/imagenet100", image_size=256)
    source.count, source.image_shape, source.class_names, source.fingerprint
    source.report()      # after a pass: the files that could not be read, and why
    ```

    What it returns is a source for `multi_view`, `batches` and `load`.

    Raises:
        InputError: when there is no such source, or it holds anything but images in range.
    """
    return resolve(
        source,
        labels=labels,
        split=split,
        limit=limit,
        image_size=image_size,
        channels=channels,
    )


def _resolved(source, split):
    kinds = (ArraySource, MappedSource, FolderSource, StreamSource)
    return source if isinstance(source, kinds) else None


def _path(source, split):
    if not isinstance(source, (str, os.PathLike)):
        return None
    path = pathlib.Path(source).expanduser()
    if not path.exists():
        raise _missing(source, path)
    found = folder(source, split) or numpy_file(source, split)
    if found is None:
        raise InputError(
            f"{str(source)!r} is a file of a kind that is not read here. Accepted: {_ACCEPTED}."
        )
    return found


def _missing(source, path):
    """The error for a name or a path that does not exist; suggests what is nearest."""
    near = nearest(source, named.NAMES)
    if not near:
        # The first part of the path that is missing is compared with what is there.
        parent, name = path.parent, path.name
        while not parent.exists() and parent != parent.parent:
            parent, name = parent.parent, parent.name
        if parent.is_dir() and os.access(parent, os.R_OK):
            near = nearest(name, os.listdir(parent))
    return InputError(
        f"Unknown source of images {str(source)!r}: neither a known name nor a path, seen from "
        f"{str(pathlib.Path.cwd())!r}.{near} Accepted: {_ACCEPTED}."
    )


def _tf_dataset(source, split):
    # A string, an array or a list is none; asking first spares them the import.
    if not hasattr(source, "element_spec"):
        return None
    import tensorflow as tf

    if not isinstance(source, tf.data.Dataset):
        return None
    spec = source.element_spec
    if isinstance(spec, dict) and "image" in spec:
        # The form of tensorflow-datasets.
        labelled = "label" in spec
        source = source.map(lambda e: (e["image"], e["label"]) if labelled else e["image"])
        spec = source.element_spec
    if isinstance(spec, tuple) and len(spec) == 1:
        source = source.map(lambda image: image)
        spec = source.element_spec
    labelled = isinstance(spec, tuple) and len(spec) == 2
    image = spec[0] if labelled else spec
    if not isinstance(image, tf.TensorSpec) or image.shape.rank not in (3, 4):
        raise InputError(
            "A tf.data.Dataset must yield images (H, W, C), batches (B, H, W, C), or pairs of "
            f"these with labels. Received elements: {spec}."
        )
    if image.shape.rank == 4:
        source = source.unbatch()
    return StreamSource(source, labelled)


def _arrays(source, split):
    if isinstance(source, (bytes, dict)) or source is None:
        return None
    if isinstance(source, tuple) and len(source) == 2 and np.ndim(source[1]) <= 2:
        return from_arrays(_as_array(source[0]), np.asarray(source[1]), "array")
    if not hasattr(source, "__array__") and not isinstance(source, (list, tuple)):
        return None
    return from_arrays(_as_array(source), None, "array")


def _as_array(images):
    try:
        return np.asarray(images)
    except ValueError as error:
        raise InputError(
            "The images differ in size and cannot form one array (N, H, W, C): resize them to a "
            f"common size first. NumPy says: {error}"
        ) from error


_RESOLVERS = (
    _resolved,
    named.digits,
    named.keras_dataset,
    tfds_dataset,
    _path,
    _tf_dataset,
    _arrays,
)
