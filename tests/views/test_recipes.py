"""The recipes: published constants, overridable strengths, shapes for every size and channel."""

import inspect

import keras
import numpy as np
import pytest

from keras_center_ssl import views
from keras_center_ssl.errors import InputError

RECIPES = ["simclr", "simsiam", "byol", "barlow_twins", "vicreg", "moco", "dino", "swav"]


def layer(view, kind):
    return next((step for step in view.layers if isinstance(step, kind)), None)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_recipes_make_views_of_small_images(rng, name, channels):
    images = rng.random((4, 28, 28, channels), dtype="float32")
    made = getattr(views, name)(28)(images, seed=(1, 2))
    assert [view.shape for view in made] == [(4, 28, 28, channels)] * 2
    assert np.abs(made[0] - made[1]).max() > 0.01


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_round_trip_and_annotate_every_argument(rng, name):
    recipe = getattr(views, name)
    for parameter in inspect.signature(recipe).parameters.values():
        # A type, not the text of one: the validator of YAML recipes reads it.
        assert parameter.annotation is not inspect.Parameter.empty, parameter
        assert not isinstance(parameter.annotation, str), parameter
    made = recipe(64)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    images = rng.random((2, 40, 40, 3), dtype="float32")
    for ours, theirs in zip(made(images, seed=(1, 2)), copy(images, seed=(1, 2)), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("name", "jitter", "blur", "solarize"),
    [
        ("simclr", (0.8, 0.8, 0.8, 0.2), (0.5, 0.5), (0, 0)),
        ("simsiam", (0.4, 0.4, 0.4, 0.1), (0.5, 0.5), (0, 0)),
        ("moco", (0.4, 0.4, 0.4, 0.1), (0.5, 0.5), (0, 0)),
        ("swav", (0.8, 0.8, 0.8, 0.2), (0.5, 0.5), (0, 0)),
        ("byol", (0.4, 0.4, 0.2, 0.1), (1.0, 0.1), (0, 0.2)),
        ("barlow_twins", (0.4, 0.4, 0.2, 0.1), (1.0, 0.1), (0, 0.2)),
        ("dino", (0.4, 0.4, 0.2, 0.1), (1.0, 0.1), (0, 0.2)),
        ("vicreg", (0.4, 0.4, 0.2, 0.1), (0.5, 0.5), (0.1, 0.1)),
    ],
)
def test_published_strengths(name, jitter, blur, solarize):
    made = getattr(views, name)(96)
    for view, blur_share, solarize_share in zip(made.views[:2], blur, solarize, strict=True):
        color = layer(view, views.RandomColorJitter)
        assert (color.brightness, color.contrast, color.saturation, color.hue) == jitter
        assert (color.probability, color.grey) == (0.8, 0.2)
        crop = layer(view, views.RandomResizedCrop)
        assert (crop.size, crop.flip, crop.interpolation) == (96, 0.5, "bicubic")
        found = layer(view, views.RandomGaussianBlur)
        assert found.probability == blur_share and found.sigma == (0.1, 2.0)
        found = layer(view, views.RandomSolarize)
        assert (found.probability if found else 0) == solarize_share


def test_small_sizes_drop_the_blur_of_the_asymmetric_recipes():
    for name in ("byol", "barlow_twins", "dino", "vicreg"):
        for view in getattr(views, name)(32).views:
            assert layer(view, views.RandomGaussianBlur) is None
    second = views.byol(32).views[1]
    assert layer(second, views.RandomSolarize).probability == 0.2


def test_multi_crop_makes_two_global_and_several_local_views(rng):
    images = rng.random((3, 100, 100, 3), dtype="float32")
    made = views.dino(96, 40, local_views=4, local_area=(0.1, 0.3))
    shapes = [view.shape for view in made(images, seed=(0, 0))]
    assert shapes == [(3, 96, 96, 3)] * 2 + [(3, 40, 40, 3)] * 4
    assert layer(made.views[0], views.RandomResizedCrop).area == (0.4, 1.0)
    assert layer(made.views[5], views.RandomResizedCrop).area == (0.1, 0.3)
    swav = views.swav(224)
    assert len(swav) == 8
    assert layer(swav.views[0], views.RandomResizedCrop).area == (0.14, 1.0)
    local = layer(swav.views[7], views.RandomResizedCrop)
    assert (local.size, local.area) == (96, (0.05, 0.14))
    assert len(views.dino(32)) == 2 and len(views.dino(32, 16)) == 8


def test_strengths_can_be_turned_off(rng):
    images = rng.random((4, 16, 16, 1), dtype="float32")
    made = views.simclr(
        16,
        area=(1.0, 1.0),
        aspect=(1.0, 1.0),
        flip=0.0,
        jitter_probability=0.0,
        grey=0.0,
        blur=0.0,
        number_of_views=3,
    )
    assert len(made) == 3
    for view in made(images):
        np.testing.assert_allclose(view, images, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: views.simclr(4), "8 to 1024"),
        (lambda: views.simclr(28, number_of_views=1), "at least 2"),
        (lambda: views.simclr(28, blur=-0.5), "`blur`"),
        (lambda: views.byol(28, blur=0.5), "pair"),
        (lambda: views.byol("28"), "8 to 1024"),
        (lambda: views.dino(28, local_views=-1), "`local_views`"),
        (lambda: views.swav(64, local_size=4), "`local_size`"),
    ],
)
def test_bad_settings_are_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()
