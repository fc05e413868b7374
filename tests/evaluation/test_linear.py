"""The linear probe on features where the answer is known."""

import numpy as np
import pytest

from keras_center_ssl.errors import InputError
from keras_center_ssl.evaluation import linear_classification, linear_probe


def blobs(rng, n, names=(0, 1, 2)):
    labels = np.arange(n) % 3
    return np.eye(3, 5)[labels] + 0.15 * rng.normal(size=(n, 5)), np.array(names)[labels]


def test_separable_classes_of_numbers_and_of_names(rng):
    for names in ((0, 1, 2), ("cat", "dog", "eel")):
        train, test = blobs(rng, 90, names), blobs(rng, 60, names)
        assert linear_probe(*train, *test) >= 0.95


def test_labels_without_relation_give_chance(rng):
    (train, labels), (test, truth) = blobs(rng, 600), blobs(rng, 600)
    assert linear_probe(train, rng.permutation(labels), test, truth) < 0.6


def test_a_large_offset_and_unequal_scales_do_no_harm(rng):
    (train, labels), (test, truth) = blobs(rng, 90), blobs(rng, 60)
    scale, offset = np.array([1e-4, 1, 1e4, 1, 1]), 1e3
    plain = linear_probe(train, labels, test, truth)
    changed = linear_probe(train * scale + offset, labels, test * scale + offset, truth)
    assert changed == pytest.approx(plain, abs=0.02)


def test_a_constant_dimension_is_no_trouble(rng):
    (train, labels), (test, truth) = blobs(rng, 90), blobs(rng, 60)
    train[:, 4] = test[:, 4] = 7.0
    assert linear_probe(train, labels, test, truth) >= 0.95


def test_strong_regularization_underfits(rng):
    (train, labels), (test, truth) = blobs(rng, 91), blobs(rng, 60)
    weak = linear_probe(train, labels, test, truth, inverse_regularization=10.0)
    strong = linear_probe(train[:31], labels[:31], test, truth, inverse_regularization=1e-9)
    assert strong < weak


def test_refuses(rng):
    train, labels = blobs(rng, 12)
    with pytest.raises(InputError, match="one class 'x'"):
        linear_probe(train, ["x"] * 12, train, ["x"] * 12)
    with pytest.raises(InputError, match="inverse_regularization=0"):
        linear_probe(train, labels, train, labels, inverse_regularization=0)
    broken = train.copy()
    broken[3, 0] = np.inf
    with pytest.raises(InputError, match=r"test_features with 1 row\(s\).*first is row 3"):
        linear_probe(train, labels, broken, labels)
    with pytest.raises(InputError, match="train_labels of shape"):
        linear_probe(train, labels[:5], train, labels)


def test_sgd_over_batches_finds_what_lbfgs_finds(rng, monkeypatch):
    import sys

    def noisy(n):
        labels = np.arange(n) % 3
        return np.eye(3, 5)[labels] + 0.5 * rng.normal(size=(n, 5)), labels

    train, test = noisy(3000), noisy(1500)
    exact = linear_probe(*train, *test)
    monkeypatch.setattr(sys.modules["keras_center_ssl.evaluation.linear"], "LARGE", 1)
    # Three standard errors of the difference of two such classifiers are below this.
    assert linear_probe(*train, *test) == pytest.approx(exact, abs=0.02)
    assert 0.6 < exact < 0.95


def test_two_classes_and_constant_directions(rng):
    train, labels = rng.normal(size=(200, 3)), np.arange(200) % 2
    train[:, 0] += 3 * labels
    train[:, 2] = 5.0
    found = linear_classification(train, labels, train, labels)
    assert found.accuracy > 0.9 and found.confusion.shape == (2, 2)
