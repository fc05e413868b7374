"""Decoding against Pillow, and bringing to a common size against known answers."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_center_ssl.data.decode import conform, decode, is_wide


def encoded(pixels, kind, mode=None, **options):
    image = Image.fromarray(pixels)
    image = image.convert(mode) if mode else image
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def smooth(channels=3):
    rows, columns = np.mgrid[:20, :30]
    planes = [(rows * 9 + columns * k) % 256 for k in range(1, channels + 1)]
    return np.stack(planes, axis=-1).astype("uint8")


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True})]
)
def test_lossless_formats_give_the_pixels_back(kind, options):
    pixels = smooth()
    np.testing.assert_array_equal(decode(encoded(pixels, kind, **options)), pixels)


def test_jpeg_and_gif_are_what_pillow_sees():
    pixels = smooth()
    for kind, tolerance in (("JPEG", 3), ("GIF", 0)):
        content = encoded(pixels, kind)
        expected = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), "int32")
        assert np.abs(decode(content).numpy() - expected).max() <= tolerance


def test_the_first_frame_of_an_animation():
    frames = [Image.fromarray(np.full((8, 8, 3), value, "uint8")) for value in (0, 255)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decode(file.getvalue()), np.zeros((8, 8, 3)))


def test_the_rotation_of_exif_is_ignored():
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees to view
    content = encoded(smooth(), "JPEG", exif=exif)
    assert decode(content).shape == (20, 30, 3)


def test_sixteen_bits():
    pixels = (np.arange(64).reshape(8, 8) * 1000).astype("uint16")
    content, narrow = encoded(pixels, "PNG"), encoded(smooth(), "PNG")
    assert is_wide(content) and not is_wide(narrow) and not is_wide(encoded(smooth(), "JPEG"))
    np.testing.assert_allclose(decode(content, wide=True)[..., 0], pixels / 65535, atol=1e-7)
    np.testing.assert_array_equal(decode(content)[..., 0], pixels >> 8)
    for other in (narrow, encoded(smooth(), "WEBP", lossless=True)):
        np.testing.assert_allclose(decode(other, wide=True), smooth() / 255, atol=1e-6)


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
