"""What the checkout's own zoo offers is whole, and does what its cards say."""

import json

import numpy as np
import onnxruntime
import pytest

import keras_center_ssl as kcs

ENTRIES = [entry.name for entry in kcs.zoo.list_models()]


def test_the_quickstart_is_published():
    assert "quickstart-fashion-mnist" in ENTRIES


def test_every_file_matches_the_index():
    assert all(not problems for problems in kcs.zoo.verify().values())


@pytest.mark.parametrize("name", ENTRIES)
def test_entry_loads_in_keras_and_onnx_runtime_with_the_same_features(name, rng, tmp_path):
    encoder = kcs.zoo.load(name, cache_dir=tmp_path)
    images = rng.random((3, *encoder.input_shape[1:]), "float32")
    onnx = kcs.zoo.download(name, format="onnx", cache_dir=tmp_path)
    (features,) = onnxruntime.InferenceSession(onnx).run(["features"], {"images": images})
    np.testing.assert_allclose(features, encoder.predict(images, verbose=0), atol=1e-4)


@pytest.mark.parametrize("name", ENTRIES)
def test_card_shows_the_recorded_figures(name):
    card = kcs.zoo.show(name)
    record = json.loads(kcs.zoo.download(name, format="all").joinpath("metrics.json").read_text())
    assert f"{record['evaluation']['knn_accuracy']['trained']:.4g}" in card
    assert record["collapse"]["verdict"] in card
    for result in record["parity"].values():
        exact = "centered_cosine" not in result
        assert result["max_absolute_error"] < 1e-4 if exact else result["centered_cosine"] > 0.95
