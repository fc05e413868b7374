"""Our encoders by name, on any backend."""

import numpy as np

import keras_center_ssl as kcs


def build(network, size=32, channels=3, **options):
    """An encoder by its name in `kcs.encoders`."""
    return getattr(kcs.encoders, network)(input_shape=(size, size, channels), **options)


def count(weights):
    """How many numbers they are."""
    return sum(int(np.prod(weight.shape)) for weight in weights)
