"""Encoders of any origin are judged beside the pixels: all of one encoder's files alike."""

import json

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

import keras_center_ssl as kcs
from keras_center_ssl import cli
from keras_center_ssl.runs import any_encoder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    keras.utils.set_random_seed(0)
    encoder = kcs.encoders.resnet_small(input_shape=(8, 8, 1), width=4, grid=2)
    return kcs.export.export_bundle(encoder, tmp_path_factory.mktemp("exported") / "bundle")


def test_every_format_gives_the_same_accuracies(bundle):
    places = [bundle, *(bundle / n for n in ("encoder.keras", "encoder.onnx", "saved_model"))]
    found = [any_encoder.evaluate(place, "digits", ["knn"]) for place in places]
    assert set(found[0]["knn_accuracy"]) == {"trained", "whitened_pixels", "raw_pixels"}
    for other in found[1:]:
        assert other["knn_accuracy"] == pytest.approx(found[0]["knn_accuracy"], abs=2e-3)
        assert other["collapse"]["features"]["verdict"] == "healthy"


def test_features_from_files(bundle, tmp_path):
    encoder = kcs.OnnxEncoder(bundle / "encoder.onnx")
    for split in ("train", "test"):
        part = kcs.data.load("digits", split)
        np.savez(tmp_path / split, features=encoder.embed(part.images), labels=part.labels)
    found = any_encoder.evaluate(tmp_path / "test.npz", tmp_path / "train.npz", ["knn"])
    expected = any_encoder.evaluate(bundle, "digits", ["knn"])["knn_accuracy"]["trained"]
    assert found["knn_accuracy"] == {"features": pytest.approx(expected, abs=2e-3)}


def test_the_command_prints_tables_or_json(bundle):
    words = ["evaluate", str(bundle / "encoder.onnx"), "--data", "digits", "--protocol", "knn"]
    result = CliRunner().invoke(cli.app, words)
    assert result.exit_code == 0, result.output
    assert "PCA-whitened pixels" in result.output and "healthy" in result.output
    result = CliRunner().invoke(cli.app, [*words, "--json", "--quiet"])
    assert json.loads(result.stdout)["dataset"] == "digits"


def test_what_cannot_be_judged_is_named(bundle, tmp_path):
    np.savez(tmp_path / "unlabelled.npz", features=np.eye(3))
    np.save(tmp_path / "images.npy", np.zeros((9, 8, 8), "uint8"))
    (tmp_path / "encoder.txt").write_text("")
    for arguments, message in [
        (("none.keras", "digits"), "There is no file"),
        ((tmp_path / "encoder.txt", "digits"), "holds no encoder"),
        ((tmp_path, "digits"), "holds no encoder"),
        ((bundle, tmp_path / "images.npy"), "labelled training and test images"),
        ((tmp_path / "unlabelled.npz", tmp_path / "unlabelled.npz"), "`features` and `labels`"),
        ((tmp_path / "unlabelled.npz", "digits"), "another one: give that with --data"),
        ((bundle / "encoder.onnx", "digits", ["finetune"]), r"needs a \.keras file"),
    ]:
        with pytest.raises(kcs.InputError, match=message):
            any_encoder.evaluate(*arguments)
