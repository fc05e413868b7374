"""The table of formats: whoever lists formats asks it."""

import json
import pathlib

import keras
import numpy as np
import pytest
from keras import layers

import keras_center_ssl as kcs
from keras_center_ssl.export.formats import FORMATS, export_format, select


def test_a_format_is_added_in_one_place(tmp_path, monkeypatch):
    monkeypatch.setitem(FORMATS, "weights", None)  # is taken away again after the test

    @export_format("weights", "weights", "weights/kernel.npy")
    def write(encoder, path, *, opset, properties):
        """Its kernel, for NumPy."""
        path.mkdir()
        np.save(path / "kernel.npy", encoder.layers[-1].kernel)
        return lambda images: images.reshape(len(images), -1) @ np.load(path / "kernel.npy")

    encoder = keras.Sequential(
        [keras.Input((2, 2, 1)), layers.Flatten(), layers.Dense(3, use_bias=False)]
    )
    bundle = kcs.export.export_bundle(
        encoder, tmp_path / "bundle", formats=["weights"], metadata={"license": "mit"}
    )
    assert json.loads((bundle / "metrics.json").read_text())["parity"]["weights"]["passed"]
    assert FORMATS["weights"].description == "Its kernel, for NumPy."
    entry = kcs.zoo.publish(bundle, tmp_path / "zoo")
    assert entry.formats == ("weights",)
    place = kcs.zoo.download("bundle", "weights", tmp_path / "zoo", tmp_path / "cache")
    assert [path.name for path in place.iterdir()] == ["kernel.npy"]


@pytest.mark.parametrize("command", [["export"], ["zoo", "download"]])
def test_the_commands_list_what_the_table_has(command):
    from typer.testing import CliRunner

    from keras_center_ssl.cli.main import app

    shown = " ".join(
        CliRunner().invoke(app, [*command, "--help"], terminal_width=1000).output.split()
    )
    assert all(name in shown for name in FORMATS)


def test_every_format_has_its_use_on_the_card():
    templates = pathlib.Path(kcs.export.__file__).parent / "templates"
    assert {path.stem for path in templates.glob("use_*.md")} == {f"use_{name}" for name in FORMATS}


def test_select_keeps_the_order_and_each_once():
    assert [each.name for each in select(["onnx", "keras", "onnx"])] == ["onnx", "keras"]
    with pytest.raises(kcs.InputError, match="Did you mean 'saved_model'"):
        select("savedmodel")


def test_files_belong_to_their_format():
    saved_model, onnx = FORMATS["saved_model"], FORMATS["onnx"]
    assert saved_model.holds("saved_model/variables/x") and onnx.holds("encoder.onnx")
    assert not saved_model.holds("saved_models/x") and not onnx.holds("encoder.onnx.txt")
