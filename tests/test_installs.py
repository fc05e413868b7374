"""The wheel in fresh environments: light, and with the extra `tensorflow`. Slow: pip installs."""

import importlib.metadata
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers.image_folders import BROKEN, good_and_broken
from tests.helpers.wheels import build

# MiB of a light install's files, without what Python compiles of them.
LARGEST_LIGHT_INSTALL = 250
NAME = "quickstart-fashion-mnist"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build("wheel", tmp_path_factory.mktemp("wheel"))


class Environment:
    """A fresh environment with the wheel in it, and an empty folder to work in."""

    def __init__(self, folder, wheel, extra=""):
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        self.commands, self.work = folder / "venv" / "bin", folder / "work"
        self.work.mkdir()
        self._environment = os.environ | {"KERAS_CENTER_SSL_CACHE": str(folder / "cache")}
        for name in ("PYTHONPATH", "KERAS_BACKEND", "KERAS_CENTER_SSL_ZOO"):
            self._environment.pop(name, None)
        pip = (self.commands / "python", "-m", "pip", "install", "-q", "--no-compile")
        done = subprocess.run(
            [*pip, f"{wheel}{extra}"],
            capture_output=True,
            text=True,
            cwd=self.work,
            env=self._environment,
        )
        if "No matching distribution" in done.stderr:
            pytest.skip("a package index is needed")
        assert done.returncode == 0, done.stderr[-2000:]

    def run(self, command, *words, code=0):
        """Runs a command; returns what it prints."""
        done = subprocess.run(
            [self.commands / command, *words],
            capture_output=True,
            text=True,
            cwd=self.work,
            env=self._environment,
        )
        assert done.returncode == code, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def light(wheel, tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("light"), wheel)


def test_a_light_install_has_no_keras_and_is_small(light):
    (site,) = light.commands.parent.glob("lib/python*/site-packages")
    found = list(importlib.metadata.distributions(path=[str(site)]))
    names = {distribution.name.lower().replace("_", "-") for distribution in found}
    assert "keras-center-ssl" in names
    assert not names & {"keras", "tensorflow", "jax", "onnx", "tf2onnx", "scikit-learn"}
    of_python = {"pip", "setuptools"}  # in a new environment before anything is installed
    files = [
        path.locate()
        for distribution in found
        if distribution.name not in of_python
        for path in distribution.files
        if path.suffix != ".pyc"
    ]
    size = sum(path.stat().st_size for path in files if path.is_file()) / 2**20
    assert size <= LARGEST_LIGHT_INSTALL


def test_a_light_install_diagnoses_and_has_a_zoo(light, rng):
    np.save(light.work / "z.npy", rng.normal(size=(256, 16)))
    report = json.loads(light.run("center-ssl", "diagnose", "z.npy", "--json"))
    assert report["verdict"] == "healthy"
    light.run("center-ssl", "diagnose", "z.npy", "--report", "z.html")
    assert NAME in light.run("center-ssl", "zoo", "list")
    assert "k-NN" in light.run("center-ssl", "zoo", "show", NAME)
    assert "1 encoder(s)" in light.run("center-ssl", "zoo", "verify")
    said = light.run("center-ssl", "train", "recipe.yaml", code=1)
    assert "pip install 'keras-center-ssl[tensorflow]'" in said


def test_a_light_install_embeds_with_a_downloaded_encoder(light):
    values = good_and_broken(light.work / "data")
    # The path is what the command prints; how far it is goes to standard error.
    path = light.run("center-ssl", "zoo", "download", NAME, "--format", "onnx").splitlines()[0]
    said = light.run("center-ssl", "embed", path, "--data", "data", "--out", "z.npz")
    assert f"{len(BROKEN)} files could not be read" in said
    with np.load(light.work / "z.npz") as file:
        assert file["features"].shape == (len(values), 256)
        assert file["paths"].tolist() == list(values)


def test_with_the_extra_it_trains(wheel, tmp_path):
    heavy = Environment(tmp_path, wheel, "[tensorflow]")
    recipe = """
name: step
data: {source: digits, limit: 64}
views: {name: simclr}
encoder: {name: resnet_small}
method: {name: SimCLR}
batch_size: 32
epochs: 1
optimizer: {name: sgd, learning_rate: 0.1}
"""
    (heavy.work / "recipe.yaml").write_text(recipe)
    heavy.run("center-ssl", "train", "recipe.yaml", "--out", "run")
    heavy.run("center-ssl", "evaluate", "run")
    heavy.run("center-ssl", "export", "run", "--out", "bundle")
    heavy.run("center-ssl", "embed", "bundle/encoder.onnx", "--data", "digits", "--out", "z.npz")
    with np.load(heavy.work / "z.npz") as file:
        assert len(file["features"]) == len(file["labels"]) == 360
