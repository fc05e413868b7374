"""The house in docs/architecture.md: current, without circles, every arrow down; and its drawer."""

import importlib.util
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def load_drawer():
    spec = importlib.util.spec_from_file_location("drawer", ROOT / "docs/draw_architecture.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


drawer = load_drawer()


@pytest.fixture(scope="module")
def library():
    return drawer.read_house()


@pytest.fixture
def package(tmp_path):
    """Writes a package of the given files; returns the house that it is."""

    def write(**files):
        folder = tmp_path / "lib"
        for name, text in files.items():
            path = folder / name.replace("__", "/").replace("/door", "/__init__")
            path = path.with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return drawer.read_house(folder)

    return write


def test_the_library_has_no_circle(library):
    assert library.circles == []


def test_the_library_imports_downwards(library):
    assert library.misplaced == []


def test_the_picture_is_current(library):
    text = drawer.PAGE.read_text(encoding="utf-8")
    current = drawer.drawn_into(text, drawer.drawing(library))
    assert text == current, "run `make architecture`"


def test_every_reason_to_lean_is_still_needed(library):
    rooms = library.rooms
    assert all(target in rooms[room] for room, target in drawer.LEANING)


def test_arrows_are_imports_wherever_they_stand(package):
    house = package(
        runs__door="",
        runs__train="def run():\n    from lib.errors import InputError\n    import lib.files\n",
        errors="",
        files="from . import errors\n",
    )
    assert house.rooms == {"runs": {"errors", "files"}, "errors": set(), "files": {"errors"}}
    assert house.counts() == "3 rooms, 3 arrows, 0 circles"


def test_imports_for_a_type_checker_are_no_arrows(package):
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from lib import runs\n"
    assert package(errors=text, runs__door="").rooms["errors"] == set()


def test_a_circle_between_rooms_is_found(package):
    house = package(
        views__door="from lib.data import load\n",
        data__door="from lib.losses import center\n",
        losses__door="def f():\n    from lib import views\n",
    )
    assert house.circles[0] == ["data", "losses", "views"]


def test_a_circle_between_the_files_of_a_room_is_found(package):
    house = package(
        data__door="",
        data__read="from lib.data.decode import image\n",
        data__decode="from .read import file\n",
    )
    assert house.circles == [["data.decode", "data.read"]]


def test_a_file_that_asks_its_rooms_own_door_is_in_a_circle(package):
    house = package(
        data__door="from lib.data.read import file\n", data__read="from lib.data import x"
    )
    assert house.circles == [["data", "data.read"]]


@pytest.mark.parametrize(
    "files, sentence",
    [
        ({"data__door": "", "views__door": "import lib.data"}, "views imports data, not below it"),
        ({"data__door": "", "diagnosis__door": "import lib.data"}, "diagnosis imports data"),
        ({"attic": ""}, "attic has no floor"),
        ({"door": "", "data__door": "import lib"}, "the package's own door"),
    ],
)
def test_an_arrow_that_does_not_lead_down_is_named(package, files, sentence):
    files = {name if name != "door" else "__init__": text for name, text in files.items()}
    (found,) = package(**files).misplaced
    assert sentence in found


def test_the_picture_leaves_out_what_a_longer_way_says():
    arrows = {"cli": {"runs", "errors"}, "runs": {"errors"}, "errors": set()}
    assert drawer.needed(arrows) == {"cli": {"runs"}, "runs": {"errors"}, "errors": set()}
