"""The depth of pixels: 8 bits, or all 16 that a PNG has."""

import io

import numpy as np
import pytest
import tensorflow as tf

from keras_center_ssl.data.decode import decode, is_wide, read_image


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits_are_kept_or_their_upper_half(tmp_path, rng, channels):
    pixels = rng.integers(0, 2**16, (5, 7, channels), "uint16")
    content = tf.io.encode_png(pixels).numpy()
    wide = decode(io.BytesIO(content), wide=True)
    np.testing.assert_array_equal(wide, pixels / np.float32(65535))
    np.testing.assert_array_equal(decode(io.BytesIO(content)), pixels >> 8)
    (tmp_path / "x.png").write_bytes(content)
    assert is_wide(tmp_path / "x.png")
    np.testing.assert_array_equal(read_image(tmp_path / "x.png", wide=True), wide)


def test_eight_bits_beside_them(tmp_path, rng):
    pixels = rng.integers(0, 256, (5, 7, 3), "uint8")
    content = tf.io.encode_png(pixels).numpy()
    wide = decode(io.BytesIO(content), wide=True)
    np.testing.assert_array_equal(wide, pixels / np.float32(255))
    (tmp_path / "x.png").write_bytes(content)
    assert not is_wide(tmp_path / "x.png")
