"""Our view layers against KerasCV's, where both do the same. Needs the extra `keras-cv`."""

import numpy as np
import pytest
from scipy import stats

import keras_center_ssl as kcs

keras_cv = pytest.importorskip("keras_cv")
views = kcs.views


@pytest.fixture
def images(rng):
    return rng.random((8, 12, 12, 3)).astype("float32")


def test_grey(images):
    ours = views.RandomColorJitter(0.0, 0.0, 0.0, 0.0, grey=1.0)(images)
    theirs = keras_cv.layers.Grayscale(output_channels=3)(images)
    # KerasCV's weights are rounded to four digits.
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


def test_solarize(images):
    ours = views.RandomSolarize(1.0, threshold=0.4)(images)
    # On [0, 1] KerasCV 0.9 takes the threshold as if it were of 255.
    layer = keras_cv.layers.Solarization((0, 255), threshold_factor=(102, 102))
    theirs = np.asarray(layer(255.0 * images, training=True)) / 255.0
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_crops_have_the_same_areas_and_places():
    """Square boxes: KerasCV clips what exceeds the image, we draw again as torchvision does."""
    ours = views.RandomResizedCrop(16, area=(0.2, 0.9), aspect=(1.0, 1.0), flip=0.0)
    top, _, height, width = (np.asarray(x) for x in ours.boxes((500, 16, 16, 3), (1, 2)))
    layer = keras_cv.layers.RandomCropAndResize((16, 16), (0.2, 0.9), (1.0, 1.0), seed=1)
    image = np.zeros((16, 16, 3), "float32")
    boxes = np.array([np.ravel(layer.get_random_transformation(image=image)) for _ in range(500)])
    y0, x0, y1, x1 = boxes.T
    assert stats.ks_2samp(height * width / 256, (y1 - y0) * (x1 - x0)).pvalue > 0.001
    assert stats.ks_2samp(top / (16 - height), y0 / (1 - (y1 - y0))).pvalue > 0.001


def test_flip_has_the_same_probability(images):
    many = np.repeat(images[:1], 400, axis=0)
    for layer in (
        views.RandomResizedCrop(12, area=(1.0, 1.0), aspect=(1.0, 1.0), flip=0.5, seed=1),
        keras_cv.layers.RandomFlip("horizontal", seed=1),
    ):
        changed = np.abs(np.asarray(layer(many, training=True)) - many).max(axis=(1, 2, 3)) > 0.01
        assert 160 < changed.sum() < 240, layer
