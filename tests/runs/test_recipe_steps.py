"""Every recipe takes a training step, on generated images of the size it is for."""

import pathlib

import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from keras_center_ssl.runs.recipe import load_recipe

RECIPES = sorted((pathlib.Path(__file__).parents[2] / "training" / "recipes").glob("*.yaml"))
SLOW = ("imagenet", "cifar10", "quickstart-")
SIZES = {"fashion-mnist": (28, 28, 1), "cifar10": (32, 32, 3), "imagenet": (224, 224, 3)}


def steps(path):
    """Fashion-MNIST's stand for all: larger images take a CPU several seconds a step, and the
    variants of the quickstart are the same methods."""
    slow = [pytest.mark.slow] if any(name in path.stem for name in SLOW) else []
    return pytest.param(path, marks=slow, id=path.stem)


@pytest.mark.parametrize("path", map(steps, RECIPES))
def test_one_step(path):
    recipe = load_recipe(path, ["batch_size=4"])
    (shape,) = [size for name, size in SIZES.items() if name in recipe.name]
    images = np.random.default_rng(0).random((8, *shape), "float32")
    model = recipe.build_model(shape)
    recipe.compile(model, shape, steps_per_epoch=2)
    model.run_eagerly = True
    before = [np.array(v) for v in model.trainable_variables]
    logs = model.fit(
        recipe.build_dataset(kcs.data.load(images), shape), steps_per_epoch=2, verbose=0
    ).history
    assert np.isfinite(logs["loss"]).all()
    moved = [
        not np.array_equal(old, np.array(new))
        for old, new in zip(before, model.trainable_variables, strict=True)
    ]
    assert np.mean(moved) > 0.5, "an optimizer step moves most variables"
    keras.backend.clear_session()
