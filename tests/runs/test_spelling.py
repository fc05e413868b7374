"""Names in any spelling, sections in their short form, and names of recipes that have none."""

import pytest
import yaml

import keras_center_ssl as kcs
from keras_center_ssl.runs import spelling
from keras_center_ssl.runs.recipe import load_recipe, parse_recipe

SHORT = {
    "epochs": 1,
    "data": "digits",
    "views": "simclr",
    "encoder": "resnet-small",
    "method": "sim siam",
    "optimizer": {"name": "SGD", "learning_rate": 0.1},
}


@pytest.mark.parametrize("method", kcs.methods.METHODS)
def test_every_method_is_found_in_every_spelling(method):
    words = spelling.run_name(method, None)
    for written in (
        method,
        method.lower(),
        method.upper(),
        words,
        words.replace("-", "_"),
        f" {words} ",
    ):
        assert spelling.find(written, kcs.methods.METHODS) == method


@pytest.mark.parametrize("written", ["barlow-twins", "BarlowTwins", "barlow twins", "BARLOW_TWINS"])
def test_hyphens_spaces_and_capitals_do_not_matter(written):
    assert spelling.find(written, ["BarlowTwins", "BYOL"]) == "BarlowTwins"


@pytest.mark.parametrize("written", ["barlow", "", "--", 3, None, "simsiam2"])
def test_what_is_no_name_stays(written):
    assert spelling.find(written, ["BarlowTwins", "SimSiam"]) == written


def test_two_names_of_the_same_letters_are_told_apart_by_their_spelling_alone():
    options = ["SimSiam", "sim_siam"]
    assert spelling.find("sim_siam", options) == "sim_siam"
    assert spelling.find("simsiam", options) == "simsiam"


def test_a_section_may_be_a_name_and_the_recipe_needs_none():
    recipe = parse_recipe(SHORT)
    assert recipe.name == "simsiam-digits"
    assert (recipe.method.name, recipe.encoder.name) == ("SimSiam", "resnet_small")
    assert (recipe.optimizer.name, recipe.data.source) == ("sgd", "digits")
    assert parse_recipe(yaml.safe_load(recipe.to_yaml())).to_dict() == recipe.to_dict()
    assert SHORT["method"] == "sim siam", "the caller's dict is his own"


def test_settings_go_into_short_sections(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(SHORT))
    recipe = load_recipe(path, ["method.hidden_dim=16", "data.limit=64"])
    assert recipe.method.arguments == {"hidden_dim": 16} and recipe.data.limit == 64
    recipe = load_recipe(path, ["method=barlow-twins"])
    assert (recipe.name, recipe.method.name) == ("barlow-twins-digits", "BarlowTwins")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("data/My Photos/", "simclr-my-photos"),
        ("tfds:cifar10", "simclr-tfds-cifar10"),
        ("x/images.npz", "simclr-images"),
        ("../..", "simclr"),
        ("写真", "simclr"),
        (None, "simclr"),
    ],
)
def test_a_name_is_made_of_method_and_data(source, name):
    assert spelling.run_name("SimCLR", source) == name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "SimSim"}, "Unknown method 'SimSim'. Did you mean 'SimSiam'"),
        ({"method": 3}, "method: input should be a valid dictionary"),
        ({"optimizer": "adamw"}, "'optimizer.learning_rate' is missing"),
        ({"data": None}, "data: input should be a valid dictionary"),
        ({"name": ""}, "name: string should match pattern"),
    ],
)
def test_what_is_wrong_is_still_named(changes, message):
    with pytest.raises(kcs.InputError, match=message):
        parse_recipe({**SHORT, **changes})
