"""Every method has a page, which names its arguments, and none that it does not have."""

import inspect
import pathlib
import re

import pytest

import keras_center_ssl as kcs
from keras_center_ssl.methods.base import SSLModel

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "methods"
PAGES = {path.stem: path.read_text("utf-8") for path in FOLDER.glob("*.md")}


def page_of(method):
    """`BarlowTwins` -> barlow-twins.md, `SimCLR` -> simclr.md."""
    plain = {name.replace("-", ""): name for name in PAGES}
    assert method.lower() in plain, f"docs/methods has no page of {method}: docs/adding-a-method.md"
    return plain[method.lower()]


def own_arguments(method):
    given = inspect.signature(method.__init__).parameters
    base = {"self", "encoder", "kwargs"}
    return {name: given[name] for name in given if name not in base}


@pytest.mark.parametrize("name", kcs.methods.METHODS)
def test_the_page_names_every_argument_with_its_default(name):
    text = PAGES[page_of(name)]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", text, re.MULTILINE))
    expected = own_arguments(kcs.methods.METHODS[name])
    assert set(rows) == set(expected)
    for argument, parameter in expected.items():
        assert rows[argument] == repr(parameter.default), argument


@pytest.mark.parametrize("name", kcs.methods.METHODS)
def test_the_losses_and_recipes_that_the_page_names_exist(name):
    text = PAGES[page_of(name)]
    losses = re.findall(r"kcs\.losses\.(\w+)", text)
    assert losses and all(hasattr(kcs.losses, loss) for loss in losses)
    recipes = re.findall(r"training/recipes/(\S+\.yaml)", text)
    assert recipes and all((ROOT / "training" / "recipes" / r).is_file() for r in recipes)


def test_every_page_is_one_of_a_method_and_is_listed():
    assert set(PAGES) == {page_of(name) for name in kcs.methods.METHODS} | {"README"}
    for name in set(PAGES) - {"README"}:
        assert f"docs/methods/{name}.md" in (ROOT / "mkdocs.yml").read_text("utf-8")


def test_the_overview_says_what_every_method_takes():
    shared = set(own_arguments(SSLModel)) - {"name"}
    assert all(f"- `{argument}`" in PAGES["README"] for argument in shared)
