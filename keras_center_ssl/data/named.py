"""Data sets by name: scikit-learn's digits, and those of `keras.datasets`."""

import contextlib
import pathlib
import shutil

import numpy as np

from keras_center_ssl.data.array_source import ArraySource, from_arrays
from keras_center_ssl.errors import InputError, needs
from keras_center_ssl.files import atomic_path

KERAS_DATASETS = ("cifar10", "cifar100", "fashion_mnist", "mnist")
NAMES = (*KERAS_DATASETS, "digits")

# Where Debian's package dataset-fashion-mnist puts the four files.
_DEBIAN_FASHION_MNIST = pathlib.Path("/usr/share/datasets/fashion-mnist")
_FASHION_MNIST_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def digits(source, request):
    """The source of `"digits"`, or None for anything else."""
    if not isinstance(source, str) or source != "digits":
        return None
    with needs("The data set 'digits'", "sklearn"):
        from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    # The file is in the order of its writers and counts 0..9 again and again. RandomState's stream
    # is frozen by NumPy's policy, so that this split is the same everywhere and for ever.
    order = np.random.RandomState(0).permutation(len(images))
    order = order[:1437] if request.split == "train" else order[1437:]
    images = (images[order] / 16.0).astype("float32").reshape(-1, 8, 8, 1)
    return ArraySource(images, labels[order].astype("int32"), f"digits/{request.split}")


def keras_dataset(source, request):
    """The source of a name of `keras.datasets`, or None for anything else."""
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
    images, labels = train if request.split == "train" else test
    labels = np.asarray(labels).reshape(-1).astype("int32")
    return from_arrays(np.asarray(images), labels, f"{source}/{request.split}")


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
    from keras_center_ssl.engine.keras_internals import keras_home

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
            except OSError:  # a file system without links
                with atomic_path(cached) as temporary:
                    shutil.copyfile(packaged, temporary)
