"""The wheel holds the library and a starter zoo, and works outside the checkout."""

import json
import pathlib
import subprocess
import zipfile

import pytest

from tests.helpers.light_python import run_without
from tests.helpers.wheels import ROOT, build

STARTER = "keras_center_ssl/zoo/starter"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    site = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(site)
    return site


def light(program, site, folder, *arguments):
    """Runs a program with what a wheel holds, and without Keras and TensorFlow."""
    environment = {
        "PYTHONPATH": str(site),
        "PATH": "/usr/bin:/bin",
        "KERAS_CENTER_SSL_CACHE": str(folder / "cache"),
    }
    return run_without(program, *arguments, cwd=folder, env=environment)


def center_ssl(site, folder, *arguments):
    return light("from keras_center_ssl.cli import main; main()", site, folder, *arguments)


def test_holds_only_the_library(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"keras_center_ssl"}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "keras_center_ssl").rglob("*.py")}
    assert modules <= set(names)
    templates = {
        str(p.relative_to(ROOT)) for p in (ROOT / "keras_center_ssl").glob("*/templates/*")
    }
    assert templates and templates <= set(names)
    assert "keras_center_ssl/py.typed" in names
    assert any(name.endswith("/LICENSE") for name in names)


def test_carries_the_small_entries_of_the_zoo(wheel):
    archive = zipfile.ZipFile(wheel)
    carried = json.loads(archive.read(f"{STARTER}/index.json"))["models"]
    published = json.loads((ROOT / "zoo" / "index.json").read_text())["models"]
    assert "quickstart-fashion-mnist" in carried
    assert carried.items() <= published.items()
    files = {f"{name}/{path}" for name, entry in carried.items() for path in entry["files"]}
    inside = {name for name in archive.namelist() if name.startswith(f"{STARTER}/")}
    assert inside == {f"{STARTER}/{path}" for path in (*files, "index.json")}
    assert sum(archive.getinfo(name).file_size for name in inside) < 8e6


def test_works_outside_the_checkout(site, tmp_path):
    program = (
        "import keras_center_ssl as kcs, numpy as np;"
        "print(kcs.__file__); print(kcs.diagnose(np.random.randn(256, 16)).verdict)"
    )
    done = light(program, site, tmp_path)
    place, verdict = done.stdout.split()
    assert place.startswith(str(site)) and verdict == "healthy", done.stderr


def test_has_a_zoo_at_once(site, tmp_path):
    program = """
import keras_center_ssl as kcs
print(*(entry.name for entry in kcs.zoo.list_models()))
print(kcs.zoo.download("quickstart-fashion-mnist", format="onnx"))
"""
    done = light(program, site, tmp_path)
    names, path = done.stdout.splitlines()
    assert "quickstart-fashion-mnist" in names, done.stderr
    assert pathlib.Path(path).is_relative_to(tmp_path / "cache")
    assert pathlib.Path(path).stat().st_size > 1e5
    assert "1 encoder(s) match" in center_ssl(site, tmp_path, "zoo", "verify").stdout


def test_a_name_that_needs_an_extra_says_so(site, tmp_path):
    program = """
import keras_center_ssl as kcs
needed = "needs Keras and TensorFlow: pip install 'keras-center-ssl[tensorflow]'"
light = {"diagnosis", "evaluation", "export", "figures", "geometry", "reports", "zoo"}
for name in kcs.__all__:
    try:
        value = getattr(kcs, name)
    except ImportError as error:
        assert str(error) == f"kcs.{name} {needed}", error
        assert isinstance(error, kcs.MissingExtra)
        assert name not in light
    else:
        assert name in light or not isinstance(value, type(kcs)), name
calls = [
    lambda: kcs.zoo.load("quickstart-fashion-mnist"),
    lambda: kcs.export.export_bundle,
    lambda: kcs.evaluation.embed(lambda images: images, [[[[0.5]]]]),
    lambda: kcs.evaluation.linear_probe([[0.0], [1.0]], [0, 1], [[0.0], [1.0]], [0, 1]),
]
for call in calls:
    try:
        call()
    except kcs.MissingExtra as error:
        print(error)
heavy = "methods views data.multi_view_dataset heads engine export.bundle runs.recipe"
for room in heavy.split():
    try:
        __import__(f"keras_center_ssl.{room}")
    except kcs.MissingExtra as error:
        assert needed in str(error)
    else:
        raise AssertionError(room)
"""
    done = light(program, site, tmp_path)
    assert done.returncode == 0, done.stderr
    keras, export, again, sklearn = done.stdout.splitlines()
    assert export.startswith("kcs.export.export_bundle needs Keras and TensorFlow")
    assert keras.startswith("kcs.zoo.load needs Keras and TensorFlow")
    assert again.startswith("kcs.evaluation.embed needs Keras and TensorFlow")
    assert sklearn.startswith("kcs.evaluation.linear_probe needs scikit-learn")


@pytest.mark.parametrize(
    "command",
    [
        ("train", "recipe.yaml"),
        ("evaluate", "run"),
        ("diagnose", "run"),
        ("export", "run", "--out", "bundle"),
    ],
)
def test_a_command_that_needs_an_extra_says_so(site, tmp_path, command):
    (tmp_path / "run").mkdir()
    done = center_ssl(site, tmp_path, *command)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "Error: This command needs Keras and TensorFlow: pip install 'keras-center-ssl[tensorflow]'"
    )


@pytest.mark.slow
def test_an_sdist_builds_the_same_wheel(wheel, tmp_path):
    sdist = build("sdist", tmp_path)
    subprocess.run(["tar", "xzf", sdist, "-C", tmp_path], check=True)
    (tree,) = (path for path in tmp_path.iterdir() if path.is_dir())
    again = build("wheel", tmp_path, tree)
    contents = [set(zipfile.ZipFile(path).namelist()) for path in (wheel, again)]
    assert contents[0] == contents[1]
