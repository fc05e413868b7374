"""Figures of other authors that are to rank encoders where there are no labels."""

import math

import numpy as np

from keras_center_ssl import geometry
from keras_center_ssl.errors import InputError
from keras_center_ssl.types import Array

# Images that the figures are taken of, at most: TwoNN compares all pairs.
IMAGES = 5000


def label_free(z1: Array, z2: Array) -> dict[str, float]:
    """Figures of other authors that need no labels, of two views of the same images.

    Returns:
        Dict of floats by key of `kcs.figures`; without those that the embeddings do not have
        (collapsed ones, or too few images).
    """
    z1, z2 = np.asarray(z1)[:IMAGES], np.asarray(z2)[:IMAGES]
    figures = {
        "lidar": lambda: geometry.lidar(z1, z2),
        "alpha_req": lambda: geometry.alpha_req(z1),
        "nesum": lambda: geometry.nesum(z1),
        "self_cluster": lambda: geometry.self_cluster(z1),
        "two_nn": lambda: geometry.two_nn(z1),
    }
    found = {}
    for key, figure in figures.items():
        try:
            value = float(figure())
        except InputError:
            continue
        if math.isfinite(value):
            found[key] = value
    return found
