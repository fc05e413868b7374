"""Bringing images to a common size and number of channels, against Pillow and known answers."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_center_ssl.data.conform import conform


def smooth():
    rows, columns = np.mgrid[:20, :30]
    return np.stack([(rows * 9 + columns * k) % 256 for k in (1, 2, 3)], axis=-1).astype("uint8")


@pytest.mark.parametrize("dynamic", [False, True])
def test_channels(dynamic):
    rgb = smooth()
    alpha = np.full((20, 30, 1), 7, "uint8")
    luma = np.asarray(Image.fromarray(rgb).convert("L"), "int32")[..., None]

    def converted(pixels, channels):
        shape = [None] * 3 if dynamic else pixels.shape
        call = tf.function(
            lambda x: conform(x, None, channels),
            input_signature=[tf.TensorSpec(shape, tf.uint8)],
            autograph=False,
        )
        return call(pixels).numpy()

    grey = rgb[..., :1]
    for pixels in (grey, np.concatenate([grey, alpha], -1)):
        np.testing.assert_array_equal(converted(pixels, 1), grey)
        np.testing.assert_array_equal(converted(pixels, 3), np.repeat(grey, 3, -1))
    for pixels in (rgb, np.concatenate([rgb, alpha], -1)):
        np.testing.assert_array_equal(converted(pixels, 3), rgb)
        assert np.abs(converted(pixels, 1) - luma).max() <= 1


def test_resizing_keeps_the_aspect_ratio_and_the_middle():
    # Left and right thirds are black: of a wide image only the white middle remains.
    wide = np.zeros((30, 90, 3), "uint8")
    wide[:, 30:60] = 255
    for images in (wide, wide.transpose(1, 0, 2), wide[None]):
        made = conform(images, (10, 10)).numpy()
        assert made.dtype == np.uint8 and made.shape[-3:] == (10, 10, 3)
        assert made.min() == 255
    assert conform(wide, (10, 20)).numpy()[:, :4].max() == 0
    assert conform(np.full((3, 5, 1), 0.25, "float32"), (8, 8)).numpy() == pytest.approx(0.25)


def test_resizing_is_pillow_s_antialiased_one(rng):
    pixels = rng.integers(0, 256, (24, 48, 3), "uint8")
    box = Image.fromarray(pixels).crop((12, 0, 36, 24))
    expected = np.asarray(box.resize((8, 8), Image.Resampling.BILINEAR), "int32")
    assert np.abs(conform(pixels, (8, 8)).numpy() - expected).max() <= 1
    np.testing.assert_array_equal(conform(pixels, (24, 48)), pixels)
