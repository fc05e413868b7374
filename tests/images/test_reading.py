"""Image files with Pillow: as `kcs.data` reads them, and whatever is wrong in words."""

import os

import numpy as np
import pytest
from PIL import Image

from keras_center_ssl.images.reading import read_file, read_image
from keras_center_ssl.images.regular_files import Unreadable


def saved(path, pixels, mode=None, **options):
    Image.fromarray(pixels, mode).save(path, **options)
    return path


def test_sixteen_bits_are_kept_and_not_clipped(tmp_path):
    values = np.linspace(0, 65535, 64).astype("uint16").reshape(8, 8)
    path = saved(tmp_path / "wide.png", values)
    for channels, shape in ((1, (8, 8, 1)), (None, (8, 8, 1)), (3, (8, 8, 3))):
        pixels = read_image(path, None, channels)
        assert pixels.shape == shape and pixels.dtype == np.float32
        np.testing.assert_allclose(pixels[..., -1], values / 65535, atol=1e-6)


@pytest.mark.parametrize("size", [None, (5, 6), (7, 7)])
@pytest.mark.parametrize("channels", [1, 3, None])
def test_sixteen_bits_give_what_eight_give(tmp_path, rng, channels, size):
    grey = rng.integers(0, 256, (10, 12), dtype="uint8")
    eight = read_image(saved(tmp_path / "8.png", grey), size, channels)
    sixteen = read_image(saved(tmp_path / "16.png", grey.astype("uint16") * 257), size, channels)
    np.testing.assert_allclose(sixteen, eight, atol=1 / 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_every_mode_becomes_grey_or_colour(tmp_path, rng, mode):
    colours = Image.fromarray(rng.integers(0, 256, (6, 5, 3), dtype=np.uint8))
    image = colours.convert(mode)
    path = tmp_path / ("x.jpg" if mode == "CMYK" else "x.png")
    image.save(path)
    assert read_image(path, None, 1).shape == (6, 5, 1)
    assert read_image(path, None, 3).shape == (6, 5, 3)
    own = 1 if mode in ("1", "L", "LA") else 3
    assert read_image(path, None, None).shape == (6, 5, own)
    if mode in ("RGB", "RGBA"):
        expected = np.asarray(colours) / 255
        np.testing.assert_allclose(read_image(path, None, 3), expected, atol=1e-6)


def test_the_middle_is_cropped_and_resized(tmp_path):
    pixels = np.zeros((10, 30), "uint8")
    pixels[:, 10:20] = 200
    path = saved(tmp_path / "wide.png", pixels)
    np.testing.assert_allclose(read_image(path, (5, 5), 1), 200 / 255, atol=1e-6)
    assert read_image(path, (7, 40), 1).shape == (7, 40, 1)


def test_the_first_frame_of_an_animation(tmp_path):
    frames = [Image.fromarray(np.full((4, 4), value, "uint8")) for value in (50, 150)]
    for name in ("x.gif", "x.webp", "x.png"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], lossless=True)
        np.testing.assert_allclose(read_image(tmp_path / name, None, 1), 50 / 255, atol=1e-6)


def test_what_is_wrong_is_said(tmp_path):
    whole = saved(tmp_path / "whole.png", np.zeros((64, 64), "uint8")).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:60])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_bytes(b"hello")
    os.mkfifo(tmp_path / "pipe.png")
    for name, words in {
        "cut.png": "damaged",
        "empty.png": "an empty file",
        "text.png": "no image of a known format",
        "pipe.png": "a named pipe",
        "gone.png": "No such file",
        ".": "not a regular file",
    }.items():
        with pytest.raises(Unreadable, match=words):
            read_image(tmp_path / name, None, 1)


@pytest.mark.parametrize("side", [8_001, 20_000])
def test_a_huge_image_is_refused_before_it_is_decoded(tmp_path, side):
    Image.new("1", (side, side)).save(tmp_path / "huge.png")
    with pytest.raises(Unreadable, match="pixels, more than 64,000,000"):
        read_image(tmp_path / "huge.png", (8, 8), 1)


def test_a_limit_of_ones_own(tmp_path, rng):
    path = saved(tmp_path / "x.png", rng.integers(0, 256, (10, 20), dtype="uint8"))
    with open(path, "rb") as file:
        np.testing.assert_array_equal(read_file(file, None, 1, 200), read_image(path, None, 1))
    with open(path, "rb") as file, pytest.raises(Unreadable, match="more than the 199 that are"):
        read_file(file, None, 1, 199)
