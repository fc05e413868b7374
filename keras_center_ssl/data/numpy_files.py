"""Sources of arrays in .npy and .npz files, mapped into memory and not read whole."""

import pathlib

import numpy as np

from keras_center_ssl.data import pixels
from keras_center_ssl.data.array_source import from_arrays
from keras_center_ssl.data.mapped_source import MappedSource
from keras_center_ssl.data.source import SAMPLE, evenly_spaced
from keras_center_ssl.images.arrays import is_numpy_file, open_arrays


def numpy_file(source, request):
    """The source in a .npy or .npz file (see `images.arrays`), or None for another file."""
    if not is_numpy_file(pathlib.Path(source)):
        return None
    images, labels, name = open_arrays(source, request.split)
    if not isinstance(images, np.memmap):
        return from_arrays(images, labels, name, request.data_format)
    images = pixels.with_channel_axis(images, request.data_format)
    numbers = evenly_spaced(len(images), SAMPLE)
    pixels.check_pixels(np.asarray(images[numbers]), numbers)
    found = MappedSource(images, None, name)
    return found if labels is None else found.with_labels(labels)
