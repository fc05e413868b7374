"""Sources of images: whatever a user names, turned into one of two small classes.

`ArraySource` holds all images in memory (uint8 stays uint8); `StreamSource` wraps a
`tf.data.Dataset` of single images. `resolve` finds the one for a given `source`. A new kind of
source is one function `(source, split) -> ArraySource | StreamSource | None` in `_RESOLVERS`.
"""

import contextlib
import dataclasses
import functools
import hashlib
import os
import pathlib
import shutil

import numpy as np

from keras_center_ssl.errors import InputError, nearest, one_of

KERAS_DATASETS = ("cifar10", "cifar100", "fashion_mnist", "mnist")
NAMES = (*KERAS_DATASETS, "digits")
SPLITS = ("train", "test")

# Where Debian's package dataset-fashion-mnist puts the four files.
_DEBIAN_FASHION_MNIST = pathlib.Path("/usr/share/datasets/fashion-mnist")
_FASHION_MNIST_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)

_ACCEPTED = (
    "a NumPy array of images (N, H, W) or (N, H, W, C), a pair (images, labels) of arrays, a "
    "tf.data.Dataset of images or (image, label) pairs, or one of the names " + ", ".join(NAMES)
)


@dataclasses.dataclass(frozen=True, eq=False)
class ArraySource:
    """Images in memory.

    Attributes:
        images: array `(N, H, W, C)`, uint8 in 0..255 or float32 in `[0, 1]`.
        labels: array `(N, ...)`, or None.
        name: what to call the data in a report.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    name: str = "array"

    @property
    def count(self):
        """The number of images."""
        return len(self.images)

    @property
    def has_labels(self):
        return self.labels is not None

    @functools.cached_property
    def fingerprint(self):
        """16 hexadecimal digits of the SHA-256 of shapes, dtypes, pixels and labels."""
        digest = hashlib.sha256()
        for array in (self.images, self.labels):
            if array is None:
                continue
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
        return digest.hexdigest()[:16]

    def take(self, limit):
        """The first `limit` images."""
        labels = None if self.labels is None else self.labels[:limit]
        return ArraySource(self.images[:limit], labels, self.name)


@dataclasses.dataclass(frozen=True, eq=False)
class StreamSource:
    """Images that come one at a time.

    Attributes:
        dataset: `tf.data.Dataset` of images `(H, W, C)`, or of pairs (image, label) where
            `has_labels`; uint8 in 0..255 or float in `[0, 1]`.
        has_labels: bool.
        name: what to call the data in a report.
    """

    dataset: object
    has_labels: bool = False
    name: str = "tf.data"

    @property
    def count(self):
        """The number of images, or None where the dataset does not know it.

        Raises:
            InputError: for a dataset that never ends.
        """
        count = int(self.dataset.cardinality())
        if count == -1:
            raise InputError(
                "The tf.data.Dataset never ends (it was repeated). One pass over it is one epoch: "
                "pass it before `.repeat()`, or end it with `.take(count)`."
            )
        return None if count < 0 else count

    def take(self, limit):
        """The first `limit` images."""
        return dataclasses.replace(self, dataset=self.dataset.take(limit))


# -- from what the user gave to a source -----------------------------------------------------------


def resolve(source, *, labels=None, split="train", limit=None):
    """Returns the `ArraySource` or `StreamSource` that `source` stands for.

    Raises:
        InputError: when it stands for none, or holds anything that is not an image in range.
    """
    if split not in SPLITS:
        raise one_of("split", split, SPLITS)
    check_count("limit", limit, optional=True)
    for resolver in _RESOLVERS:
        found = resolver(source, split)
        if found is not None:
            break
    else:
        raise InputError(f"Unknown source of images {_shown(source)}. Accepted: {_ACCEPTED}.")
    if labels is not None:
        found = _with_labels(found, labels)
    if limit is not None:
        found = found.take(limit)
    if found.count == 0:
        raise _empty()
    return found


def load(source, split="train", limit=None, *, labels=None):
    """Loads images into memory, for evaluation.

    Args:
        source: anything `multi_view` accepts.
        split: `"train"` or `"test"`; arrays and `tf.data.Dataset`s have no split and ignore it.
        limit: int or None, the first so many images only.
        labels: array of N labels, for a source that has none of its own.

    Returns:
        An object with `.images` (`(N, H, W, C)`, uint8 or float32 in `[0, 1]`), `.labels` (or
        None), `.name` and `.fingerprint` (16 hexadecimal digits over the content). It is itself a
        source.

    Raises:
        InputError: for sources that are not understood or hold anything but images in range.
    """
    found = resolve(source, labels=labels, split=split, limit=limit)
    if isinstance(found, ArraySource):
        return found
    if found.has_labels:
        images, labels = zip(*found.dataset.as_numpy_iterator(), strict=True)
    else:
        images, labels = tuple(found.dataset.as_numpy_iterator()), None
    if not images:
        raise _empty()
    labels = None if labels is None else np.stack(labels)
    return _from_arrays(np.stack(images), labels, found.name)


def check_count(name, value, smallest=1, optional=False):
    """Raises `InputError` unless `value` is a whole number of at least `smallest`."""
    if optional and value is None:
        return
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < smallest:
        also = " or None" if optional else ""
        raise InputError(
            f"`{name}` is a whole number of at least {smallest}{also}. Received: {value!r}."
        )


def _shown(source):
    if isinstance(source, (str, os.PathLike)):
        return f"{str(source)!r}.{nearest(source, NAMES)}".removesuffix(".")
    return f"of type {type(source).__name__}"


def _resolved(source, split):
    return source if isinstance(source, (ArraySource, StreamSource)) else None


def _digits(source, split):
    if not isinstance(source, str) or source != "digits":
        return None
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    # The file is in the order of its writers and counts 0..9 again and again. RandomState's stream
    # is frozen by NumPy's policy, so that this split is the same everywhere and for ever.
    order = np.random.RandomState(0).permutation(len(images))
    order = order[:1437] if split == "train" else order[1437:]
    images = (images[order] / 16.0).astype("float32").reshape(-1, 8, 8, 1)
    return ArraySource(images, labels[order].astype("int32"), f"digits/{split}")


def _keras_dataset(source, split):
    if not isinstance(source, str) or source not in KERAS_DATASETS:
        return None
    import keras

    if source == "fashion_mnist":
        _link_fashion_mnist()
    try:
        train, test = getattr(keras.datasets, source).load_data()
    except (OSError, EOFError) as error:
        raise _unreadable(source, error) from error
    except Exception as error:
        # Keras raises a bare Exception when a download fails.
        if type(error) is not Exception:
            raise
        raise _unreadable(source, error) from error
    images, labels = train if split == "train" else test
    labels = np.asarray(labels).reshape(-1).astype("int32")
    return _from_arrays(np.asarray(images), labels, f"{source}/{split}")


def _unreadable(name, error):
    offline = (
        " On Debian or Ubuntu `apt install dataset-fashion-mnist` brings it without a download."
        if name == "fashion_mnist"
        else ""
    )
    return InputError(
        f"Could not load {name!r}: {error}. Keras downloads it once and keeps it in "
        f"{_keras_cache()}; connect to the network, or copy the files there from a machine that "
        f"has them.{offline} `digits` needs no download."
    )


def _keras_cache():
    # Keras has no public name for its home; this is where its get_file looks.
    from keras.src.backend.config import keras_home

    return pathlib.Path(keras_home()) / "datasets"


def _link_fashion_mnist():
    """Puts the files of Debian's package where Keras' own loader finds them."""
    cache = _keras_cache() / "fashion-mnist"
    for name in _FASHION_MNIST_FILES:
        packaged, cached = _DEBIAN_FASHION_MNIST / name, cache / name
        if cached.exists() or not packaged.exists():
            continue
        # A read-only or vanishing cache is not our error: Keras' loader has the last word.
        with contextlib.suppress(OSError):
            cache.mkdir(parents=True, exist_ok=True)
            try:
                cached.symlink_to(packaged)
            except FileExistsError:
                pass  # another process was faster
            except OSError:
                shutil.copyfile(packaged, cached)  # a file system without links


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
        image = source.element_spec[0] if labelled else source.element_spec
    if not image.shape.is_fully_defined():
        raise InputError(
            "The images of a tf.data.Dataset must all have one known size. Received elements of "
            f"shape {tuple(image.shape)}: resize them first, e.g. "
            "`dataset.map(lambda image: tf.ensure_shape(tf.image.resize(image, (64, 64)), "
            "(64, 64, 3)))`."
        )
    found = StreamSource(source, labelled)
    # A look at the first images finds a wrong range now and not as a training that fails to learn.
    first = [e[0] if labelled else e for e in source.take(8).as_numpy_iterator()]
    if not first:
        raise _empty()
    _check_pixels(np.stack(first))
    return found


def _arrays(source, split):
    if isinstance(source, (str, bytes, os.PathLike, dict)) or source is None:
        return None
    if isinstance(source, tuple) and len(source) == 2 and np.ndim(source[1]) <= 2:
        return _from_arrays(_as_array(source[0]), np.asarray(source[1]), "array")
    if not hasattr(source, "__array__") and not isinstance(source, (list, tuple)):
        return None
    return _from_arrays(_as_array(source), None, "array")


_RESOLVERS = (_resolved, _digits, _keras_dataset, _tf_dataset, _arrays)


# -- checks ----------------------------------------------------------------------------------------


def _as_array(images):
    try:
        return np.asarray(images)
    except ValueError as error:
        raise InputError(
            "The images differ in size and cannot form one array (N, H, W, C): resize them to a "
            f"common size first. NumPy says: {error}"
        ) from error


def _empty():
    return InputError("There are no images: the source is empty. Pass at least two.")


def _from_arrays(images, labels, name):
    """An `ArraySource` of checked arrays; `images` may lack the channel axis."""
    if images.ndim == 0 or images.size == 0:
        raise _empty()
    if images.ndim not in (3, 4):
        raise InputError(
            "Images have the shape (N, H, W) or (N, H, W, C). Received an array of shape "
            f"{images.shape}: a single image needs `images[None]`, flattened ones "
            "`images.reshape(-1, height, width, channels)`."
        )
    if images.ndim == 3:
        if images.shape[-1] <= 4 < images.shape[0]:
            raise InputError(
                f"An array of shape {images.shape} looks like one colour image (H, W, C) and not "
                "like N grey images (N, H, W): pass `images[None]` for a single image, or "
                "`images[..., None]` if they are grey."
            )
        images = images[..., None]
    if images.dtype == np.bool_:
        images = images.astype("float32")
    _check_pixels(images)
    if images.dtype != np.uint8:
        images = np.clip(images.astype("float32", copy=False), 0.0, 1.0)
    return _with_labels(ArraySource(np.ascontiguousarray(images), None, name), labels)


def _with_labels(source, labels):
    if labels is None:
        return source
    if isinstance(source, StreamSource):
        raise InputError(
            "`labels=` goes with an array of images. Give a tf.data.Dataset its labels as "
            "`tf.data.Dataset.zip((images, labels))`."
        )
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 0 or len(labels) != source.count:
        count = "a single value" if labels.ndim == 0 else f"{len(labels)}"
        raise InputError(
            f"There must be one label for each image. Received {count} for {source.count} images."
        )
    return dataclasses.replace(source, labels=labels)


# Resizing with float arithmetic overshoots a little; more than this is another range.
_SLACK = 1e-3


def _check_pixels(images):
    """Raises `InputError` unless `images` `(N, ...)` are uint8, or float in `[0, 1]`."""
    if images.dtype == np.uint8:
        return
    if not np.issubdtype(images.dtype, np.floating):
        raise InputError(
            "Images are uint8 in 0..255 or float in [0, 1]. Received dtype "
            f"{images.dtype}: convert them with `images.astype('uint8')` if they are in 0..255."
        )
    low, high = float(images.min()), float(images.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        bad = ~np.isfinite(images)
        where = np.flatnonzero(bad.reshape(len(images), -1).any(axis=1))
        raise InputError(
            f"{int(bad.sum())} pixels are NaN or infinite, in {len(where)} of {len(images)} "
            f"images, the first of them images[{where[0]}]. Remove those images, or mend them with "
            "`np.nan_to_num`."
        )
    if low < -_SLACK or high > 1 + _SLACK:
        remedy = (
            "divide by 255, or pass them as uint8"
            if low >= 0
            else "undo the standardisation, e.g. `(x - x.min()) / (x.max() - x.min())`"
        )
        raise InputError(f"Float images lie in [0, 1]. These lie in [{low:g}, {high:g}]: {remedy}.")
