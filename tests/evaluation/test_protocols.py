"""Several protocols at once: each one's own result, and pixels as baselines."""

import numpy as np
import pytest

import keras_center_ssl as kcs
from keras_center_ssl.evaluation import few_labels, judge, pixel_baselines, retrieval
from keras_center_ssl.evaluation.protocols import headline


@pytest.fixture
def parts(rng):
    labels = np.arange(400) % 4
    features = np.eye(4, 6)[labels] + 0.3 * rng.normal(size=(400, 6))
    return features[:300], labels[:300], features[300:], labels[300:]


def test_each_protocol_gives_what_its_function_gives(parts):
    _, _, test, test_labels = parts
    found = judge(*parts, ["knn", "linear", "few-labels", "retrieval"])
    assert found["knn"]["accuracy"] == kcs.evaluation.knn_accuracy(*parts)
    assert found["linear"]["accuracy"] == kcs.evaluation.linear_probe(*parts)
    assert found["few-labels"]["0.1"] == few_labels(*parts, share=0.1)
    assert found["retrieval"] == retrieval(test, test_labels)
    low, high = found["knn"]["interval"]
    assert low < found["knn"]["accuracy"] < high
    assert np.sum(found["knn"]["confusion"]) == 100


def test_headlines_are_figures_with_a_name(parts):
    found = judge(*parts, ["knn", "linear", "few-labels", "retrieval"])
    keys = [key for name, result in found.items() for key in headline(name, result)]
    assert len(keys) == 5 and set(keys) <= set(kcs.figures.FIGURES)


@pytest.mark.parametrize(
    ("protocols", "message"),
    [(["knm"], "Did you mean 'knn'"), ([], "no protocols"), (["finetune"], "fine_tune")],
)
def test_what_is_no_protocol_of_features(parts, protocols, message):
    with pytest.raises(kcs.InputError, match=message):
        judge(*parts, protocols)


def test_pixels_as_they_are_and_whitened(rng):
    images = rng.integers(0, 256, (200, 4, 4, 1), "uint8")
    baselines = pixel_baselines(images, 5)
    assert list(baselines) == ["whitened_pixels", "raw_pixels"]
    np.testing.assert_allclose(baselines["raw_pixels"](images), images.reshape(200, 16) / 255)
    whitened = baselines["whitened_pixels"](images)
    np.testing.assert_allclose(np.cov(whitened.T, bias=True), np.eye(5), atol=1e-3)
