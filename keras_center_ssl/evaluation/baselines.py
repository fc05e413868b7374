"""What needs no training: the pixels themselves, as they are and PCA-whitened.

An encoder that does not beat them has learnt nothing that a linear map without labels would not
give at once.
"""

import numpy as np

from keras_center_ssl.errors import InputError
from keras_center_ssl.types import Array, Floats


def raw_pixels(images: Array) -> Floats:
    """Images `(n, H, W, C)` as rows of pixels `(n, H * W * C)`, float32 in [0, 1]."""
    images = np.asarray(images)
    scale = np.float32(255.0 if images.dtype == np.uint8 else 1.0)
    return images.reshape(len(images), -1).astype("float32") / scale


class WhitenedPixels:
    """Principal components of pixels, of variance 1 each, fitted without labels.

    Args:
        images: `(n, H, W, C)` images to fit on.
        dimensions: Components to keep, at most as many as vary.
    """

    def __init__(self, images, dimensions):
        pixels = raw_pixels(images)
        self.mean = pixels.mean(axis=0, dtype="float64")
        second = np.zeros((pixels.shape[1],) * 2)
        for start in range(0, len(pixels), 4096):
            part = pixels[start : start + 4096] - self.mean
            second += part.T @ part
        values, vectors = np.linalg.eigh(second / len(pixels))
        values, vectors = values[::-1], vectors[:, ::-1]
        kept = min(dimensions, int(np.sum(values > 1e-10 * max(values[0], 0.0))))
        if kept < 1:
            raise InputError("Received images that are all the same: there is nothing to whiten.")
        self.matrix = vectors[:, :kept] / np.sqrt(values[:kept])

    def __call__(self, images):
        """Images to `(n, dimensions)` float32."""
        return ((raw_pixels(images) - self.mean) @ self.matrix).astype("float32")
