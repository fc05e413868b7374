"""What is seen of some data before a training: count, sizes, colour, broken files."""

import numpy as np
import pytest
from PIL import Image

import keras_center_ssl as kcs
from keras_center_ssl.runs.looking import has_color, look
from tests.helpers.image_folders import good_and_broken, write_image


def test_a_folder_of_mixed_photographs(tmp_path, rng):
    for number in range(20):
        size = (200 + 10 * number, 300, 3)
        write_image(tmp_path / f"{number:02}.png", rng.integers(0, 256, size, dtype=np.uint8))
    (tmp_path / "05.png").write_bytes(b"not an image")
    about = look(str(tmp_path))
    assert (about.count, about.looked_at, about.broken) == (19, 20, 1)
    assert about.color and about.stored_channels == 3
    assert not about.one_size and not about.square
    assert (about.smallest, about.largest) == (200, 390)
    assert 200 <= about.shorter_side <= 230


def test_broken_files_are_counted(tmp_path):
    good_and_broken(tmp_path, count=40)
    about = look(str(tmp_path))
    assert about.count == 40 and about.broken == 4 and about.looked_at == 44
    assert (about.shorter_side, about.color, about.one_size, about.square) == (
        28,
        False,
        True,
        True,
    )


def test_grey_images_that_are_stored_as_colour(tmp_path, rng):
    for number in range(8):
        grey = rng.integers(0, 256, (40, 40), dtype=np.uint8)
        write_image(tmp_path / f"{number}.jpg", np.repeat(grey[..., None], 3, axis=2))
    about = look(str(tmp_path))
    assert not about.color and about.stored_channels == 3


def test_a_folder_without_a_readable_image_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no")
    with pytest.raises(kcs.InputError, match="has no readable images"):
        look(str(tmp_path))


def test_a_folder_with_splits_is_looked_at_for_its_training_images(tmp_path):
    for split, count in (("train", 9), ("test", 3)):
        for number in range(count):
            write_image(tmp_path / split / f"{number}.png", np.full((16, 16), number, "uint8"))
    assert look(str(tmp_path)).count == 9


def test_names_and_files_of_arrays(tmp_path, rng, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()  # a name comes first
    about = look("digits")
    assert (about.count, about.shorter_side, about.color) == (1437, 8, False)
    assert about.stored_channels == 1
    np.save(tmp_path / "x.npy", rng.integers(0, 256, (30, 20, 24, 3), dtype=np.uint8))
    about = look(str(tmp_path / "x.npy"))
    assert (about.count, about.shorter_side, about.color, about.square) == (30, 20, True, False)


def test_what_is_no_source_is_an_error():
    with pytest.raises(kcs.InputError, match="Did you mean 'digits'"):
        look("digit")


def test_colour_is_more_than_the_rounding_of_a_jpeg(tmp_path, rng):
    grey = np.repeat(rng.random((32, 32, 1)), 3, axis=2)
    assert not has_color(grey) and not has_color(grey[..., :1])
    Image.fromarray((grey * 255).astype("uint8")).save(tmp_path / "x.jpg", quality=60)
    with Image.open(tmp_path / "x.jpg") as image:
        assert not has_color(np.asarray(image) / 255.0)
    one_pixel = grey.copy()
    one_pixel[0, 0] = (1, 0, 0)
    assert not has_color(one_pixel)
    assert has_color(rng.random((32, 32, 3)))
