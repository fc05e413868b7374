"""Tests leave nothing in the user's folders."""

import os
import pathlib
import subprocess
import sys

import pytest

import keras_center_ssl as kcs

FILES = ("tests/zoo", "tests/reports", "tests/data/test_resolve.py", "tests/data/test_tfds.py")
CHECKOUT = pathlib.Path(__file__).parents[1]


def test_every_cache_is_elsewhere():
    import matplotlib
    from huggingface_hub import constants

    from keras_center_ssl.engine.keras_internals import keras_home

    users = [pathlib.Path.home() / name for name in (".cache", ".config", ".keras")]
    name = kcs.zoo.list_models(CHECKOUT / "zoo")[0].name
    for place in (
        kcs.zoo.download(name, "onnx", source=CHECKOUT / "zoo"),
        constants.HF_HOME,
        matplotlib.get_cachedir(),
        keras_home(),
        os.environ["XDG_CACHE_HOME"],
    ):
        for folder in users:
            assert folder not in pathlib.Path(place).resolve().parents, place


@pytest.mark.slow
def test_a_run_leaves_nothing_at_home(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith(("CACHE", "CACHE_HOME", "_HOME", "CACHE_DIR", "CONFIGDIR"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not slow", *FILES],
        cwd=CHECKOUT,
        env={**environment, "HOME": str(home)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert [path for path in home.rglob("*") if path.is_file()] == []
