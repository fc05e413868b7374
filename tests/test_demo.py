"""The demo: its parts, and (slow) the promises it makes."""

import pathlib
import runpy

import pytest

import keras_center_ssl as kcs
from keras_center_ssl.runs.recipe import load_recipe

DEMO = pathlib.Path(__file__).parents[1] / "training" / "demo.py"


@pytest.fixture(scope="module")
def demo():
    return runpy.run_path(str(DEMO))


def test_a_second_demo_overwrites_nothing(demo, tmp_path):
    first = demo["new_folder"](tmp_path / "demo")
    first.mkdir()
    second = demo["new_folder"](tmp_path / "demo")
    second.mkdir()
    assert [p.name for p in (first, second, demo["new_folder"](tmp_path / "demo"))] == [
        "demo",
        "demo-2",
        "demo-3",
    ]


def test_without_fashion_mnist_it_says_so_and_takes_digits(demo, monkeypatch, capsys):
    def no_data(*args, **kwargs):
        raise kcs.InputError("Fashion-MNIST could not be had.")

    monkeypatch.setattr(kcs.data, "load", no_data)
    assert demo["fashion_mnist_is_here"]() is False
    assert "digits" in capsys.readouterr().out
    recipe = load_recipe(demo["RECIPE"], demo["DIGITS"])
    assert recipe.data.source == "digits"
    assert recipe.build_views((8, 8, 1)) is not None
    assert recipe.build_encoder((8, 8, 1)).output_shape[0] is None


@pytest.mark.slow
def test_make_demo_keeps_its_promises(demo, tmp_path, monkeypatch, capsys):
    """Healthy, at least 4 points over the untrained encoder, near raw pixels or better."""
    demo["main"].__globals__["ROOT"] = tmp_path
    demo["main"]()
    from keras_center_ssl.runs import Run

    metrics = Run(tmp_path / "runs" / "demo" / "run").metrics
    accuracy = metrics["knn_accuracy"]
    assert accuracy["trained"] > accuracy["untrained"] + 0.04
    assert accuracy["trained"] > accuracy["raw_pixels"] - 0.02
    assert all(report["verdict"] == "healthy" for report in metrics["collapse"].values())
