"""Recipes: what is in the repository is valid, and what is wrong is named in one paragraph."""

import pathlib

import keras
import numpy as np
import pytest
import yaml

import keras_center_ssl as kcs
from keras_center_ssl.runs.recipe import load_recipe, parse_recipe

RECIPES = sorted((pathlib.Path(__file__).parents[2] / "training" / "recipes").glob("*.yaml"))


def content(**changes):
    recipe = {
        "name": "tiny",
        "epochs": 2,
        "batch_size": 32,
        "data": {"source": "digits"},
        "views": {"name": "simclr", "area": [0.5, 1.0], "blur": 0.0},
        "encoder": {"name": "resnet_small", "width": 4},
        "method": {"name": "SimCLR", "temperature": 0.2, "hidden_dim": 16, "output_dim": 8},
        "optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
    }
    return {**recipe, **changes}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_valid_and_survives_being_written(path):
    recipe = load_recipe(path)
    assert parse_recipe(yaml.safe_load(recipe.to_yaml())).to_dict() == recipe.to_dict()


def test_builds_what_it_describes():
    recipe = parse_recipe(content(seed=3))
    model = recipe.build_model((8, 8, 1))
    assert isinstance(model, kcs.methods.SimCLR)
    assert (model.temperature, model.output_dim) == (0.2, 8)
    assert model.encoder.input_shape == (None, 8, 8, 1) and model.feature_dim == 16
    again = recipe.build_model((8, 8, 1))
    for one, two in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    optimizer = recipe.build_optimizer(steps_per_epoch=10)
    assert isinstance(optimizer, keras.optimizers.SGD) and optimizer.momentum == 0.9
    schedule = optimizer._learning_rate
    assert float(schedule(0)) == pytest.approx(0.1) and float(schedule(20)) < 1e-7


def test_models_are_made_in_the_recipes_precision_and_the_policy_stays():
    recipe = parse_recipe(content(precision="mixed_bfloat16"))
    model = recipe.build_model((8, 8, 1))
    convolutions = [x for x in model.encoder.layers if isinstance(x, keras.layers.Conv2D)]
    assert {layer.compute_dtype for layer in convolutions} == {"bfloat16"}
    assert keras.config.dtype_policy().name == "float32"
    with pytest.raises(ValueError):
        recipe.build_model((8, 8, -1))
    assert keras.config.dtype_policy().name == "float32"
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = parse_recipe(content()).build_model((8, 8, 1))
        assert {layer.compute_dtype for layer in model.encoder.layers} == {"float32"}
    finally:
        keras.config.set_dtype_policy(before)


def test_the_registries_hold_what_the_rooms_offer():
    for room, names in (
        (kcs.methods.METHODS, kcs.methods),
        (kcs.encoders.ENCODERS, kcs.encoders),
        (kcs.views.RECIPES, kcs.views),
    ):
        assert room and all(getattr(names, name) is made for name, made in room.items())


def test_a_subclass_of_a_method_takes_its_bases_arguments():
    class Derived(kcs.methods.SimCLR):
        def __init__(self, encoder, *, sharpness: float = 1.0, **kwargs):
            super().__init__(encoder, **kwargs)

    kcs.methods.METHODS["Derived"] = Derived
    try:
        method = {"name": "Derived", "sharpness": 2, "temperature": 0.2, "center_weight": 1}
        recipe = parse_recipe(content(method=method))
        assert recipe.method.arguments == {"sharpness": 2.0, "temperature": 0.2, "center_weight": 1}
        with pytest.raises(kcs.InputError, match="Did you mean 'sharpness'"):
            parse_recipe(content(method={"name": "Derived", "sharpnes": 2}))
    finally:
        del kcs.methods.METHODS["Derived"]


def test_warm_up_and_constant_schedule():
    optimizer = {"name": "adam", "learning_rate": 0.1, "warmup_epochs": 1, "schedule": "constant"}
    schedule = parse_recipe(content(optimizer=optimizer)).build_optimizer(10)._learning_rate
    assert [float(schedule(step)) for step in (0, 5, 10, 20)] == pytest.approx([0, 0.05, 0.1, 0.1])


def test_settings_change_the_recipe(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(content()))
    recipe = load_recipe(path, ["epochs=7", "method.temperature=0.5", "views.area=[0.2, 0.9]"])
    assert recipe.epochs == 7
    assert recipe.method.arguments["temperature"] == 0.5
    assert recipe.views.arguments["area"] == (0.2, 0.9)


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(epoch=3), "unknown key 'epoch'. Did you mean 'epochs'"),
        (dict(epochs="many"), "epochs: input should be a valid integer.*received 'many'"),
        (dict(epochs=0), "epochs: input should be greater than 0"),
        (dict(batch_size=1), "batch_size: input should be greater than or equal to 2, received 1"),
        (dict(method={"name": "SimCRL"}), "Unknown method 'SimCRL'. Did you mean 'SimCLR'"),
        (dict(method={"temperature": 1}), "'method.name' is missing"),
        (
            dict(method={"name": "SimCLR", "temprature": 1}),
            "unknown key 'method.temprature'. Did you mean 'temperature'",
        ),
        (
            dict(method={"name": "SimCLR", "temperature": "hot"}),
            "method.temperature: input should be a valid number.*received 'hot'",
        ),
        (dict(encoder={"name": "resnet81"}), "Unknown encoder 'resnet81'. Did you mean 'resnet18'"),
        (
            dict(views={"name": "simclr", "areas": [0, 1]}),
            "unknown key 'views.areas'. Did you mean 'area'",
        ),
        (
            dict(optimizer={"name": "sgd", "learning_rate": 0.1, "momentm": 0.9}),
            "unknown key 'optimizer.momentm'. Did you mean 'momentum'",
        ),
        (dict(optimizer={"name": "sgd"}), "'optimizer.learning_rate' is missing"),
        (dict(data={"source": "digits", "limits": 3}), "unknown key 'data.limits'"),
    ],
)
def test_what_is_wrong_is_named(changes, message):
    with pytest.raises(kcs.InputError, match=message) as error:
        parse_recipe(content(**changes), name="tiny.yaml")
    assert str(error.value).startswith("tiny.yaml is not a valid recipe: ")
    assert "\n" not in str(error.value)


def test_all_problems_are_listed_at_once():
    changes = dict(epochs=-1, method={"name": "SimCLR", "temprature": 1}, extra=1)
    with pytest.raises(kcs.InputError) as error:
        parse_recipe(content(**changes))
    for part in ("epochs", "method.temprature", "'extra'"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    "text, message",
    [
        (None, "There is no recipe"),
        ("a: [1", "is not valid YAML"),
        ("- 1\n- 2", "must hold keys and values"),
        ("", "must hold keys and values"),
    ],
)
def test_unreadable_files(tmp_path, text, message):
    path = tmp_path / "recipe.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(kcs.InputError, match=message):
        load_recipe(path)


def test_a_missing_recipe_suggests_its_neighbours(tmp_path):
    (tmp_path / "quickstart.yaml").write_text("")
    with pytest.raises(kcs.InputError, match=r"Did you mean 'quickstart\.yaml'"):
        load_recipe(tmp_path / "quikstart.yaml")


@pytest.mark.parametrize("setting", ["epochs", "=3", "epochs=[1", "epochs.more=1"])
def test_bad_settings(tmp_path, setting):
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(content()))
    with pytest.raises(kcs.InputError, match="setting"):
        load_recipe(path, [setting])


def test_views_in_the_step_train_on_images(tmp_path):
    recipe = parse_recipe(content(epochs=1, batch_size=64, views_in_step=True))
    dataset = recipe.build_dataset("digits", (8, 8, 1))
    assert dataset.element_spec[0].shape == (64, 8, 8, 1)
    model = recipe.build_model((8, 8, 1))
    recipe.compile(model, (8, 8, 1), steps_per_epoch=2)
    assert model.step_views.seed == recipe.seed and len(model.step_views.views) == 2
    model.run_eagerly = True
    logs = model.fit(dataset.take(2), verbose=0).history
    assert np.isfinite(logs["loss"][0])
