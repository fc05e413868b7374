import numpy as np
import pytest

from keras_center_ssl.errors import InputError
from keras_center_ssl.evaluation.baselines import WhitenedPixels, raw_pixels


def test_bytes_and_floats_are_the_same_pixels(rng):
    images = rng.integers(0, 256, (5, 4, 4, 3), "uint8")
    np.testing.assert_allclose(
        raw_pixels(images), raw_pixels(images.astype("float32") / 255), rtol=1e-6
    )
    assert raw_pixels(images).shape == (5, 48)


def test_whitened_pixels_are_uncorrelated_and_of_variance_1(rng):
    images = rng.random((4500, 3, 3, 1), "float32") * np.linspace(0.1, 1, 9).reshape(3, 3, 1)
    z = WhitenedPixels(images, 6)(images)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(np.cov(z.T, bias=True), np.eye(6), atol=1e-3)
    # No more components than vary.
    flat = np.concatenate([images, np.ones_like(images)], axis=3)
    assert WhitenedPixels(flat, 18)(flat).shape[1] == 9


def test_images_that_are_all_the_same():
    with pytest.raises(InputError, match="nothing to whiten"):
        WhitenedPixels(np.ones((9, 3, 3, 1)), 4)
