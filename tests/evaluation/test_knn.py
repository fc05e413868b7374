"""Weighted k-NN against brute force and hand-made cases."""

import numpy as np
import pytest

from keras_center_ssl.errors import InputError
from keras_center_ssl.evaluation import knn, knn_accuracy


def brute_force(train, train_labels, test, test_labels, k, temperature):
    correct = 0
    for z, truth in zip(test, test_labels, strict=True):
        cosine = [z @ t / np.linalg.norm(z) / np.linalg.norm(t) for t in train]
        votes = {}
        for i in sorted(range(len(train)), key=lambda i: -cosine[i])[:k]:
            votes[train_labels[i]] = votes.get(train_labels[i], 0) + np.exp(cosine[i] / temperature)
        correct += max(votes, key=votes.get) == truth
    return correct / len(test)


@pytest.mark.parametrize("k", [1, 5, 20, 60, 1000])
@pytest.mark.parametrize("temperature", [0.05, 0.1, 10.0])
def test_equals_brute_force(rng, k, temperature, monkeypatch):
    monkeypatch.setattr(knn, "_BLOCK_ENTRIES", 60 * 7)  # several blocks, the last one partial
    train, test = rng.normal(size=(60, 3)), rng.normal(size=(40, 3))
    label = np.array(["cat", "dog", "eel"])
    train_labels = label[np.argmax(train + 0.5 * rng.normal(size=train.shape), axis=1)]
    test_labels = label[np.argmax(test, axis=1)]
    expected = brute_force(train, train_labels, test, test_labels, k, temperature)
    assert 0.2 < expected < 1
    data = (train, train_labels, test, test_labels)
    assert knn_accuracy(*data, k=k, temperature=temperature) == expected


def test_temperature_weighs_near_against_many():
    # One neighbour at cosine 1 votes "a", two at cosine 0.8 vote "b".
    train = np.array([[1.0, 0], [0.8, 0.6], [0.8, -0.6]])
    data = (train, ["a", "b", "b"], [[1.0, 0]], ["a"])
    assert knn_accuracy(*data, k=3, temperature=0.1) == 1.0  # e^-2 * 2 < 1
    assert knn_accuracy(*data, k=3, temperature=1.0) == 0.0  # e^-0.2 * 2 > 1
    assert knn_accuracy(*data, k=1, temperature=1.0) == 1.0


def test_tiny_temperature_does_not_overflow():
    data = ([[1.0, 0], [0.0, 1]], [3, 7], [[1.0, 0.1], [0.1, 1]], [3, 7])
    assert knn_accuracy(*data, temperature=1e-6) == 1.0


def test_scale_of_features_does_not_matter_but_labels_do(rng):
    z = rng.normal(size=(30, 4))
    labels = np.arange(30) % 3
    scaled = z * rng.uniform(0.1, 9, size=(30, 1))
    assert knn_accuracy(z, labels, scaled, labels, k=1) == 1.0
    assert knn_accuracy(z, labels, scaled, (labels + 1) % 3, k=1) == 0.0


def test_takes_labels_in_a_column_and_unseen_test_classes():
    z = np.eye(4)
    labels = np.arange(4)[:, None]
    assert knn_accuracy(z, labels, z, labels, k=1) == 1.0
    assert knn_accuracy(z[:3], labels[:3], z + 0.1, labels, k=1) == 0.75


def test_a_tie_goes_to_the_first_class():
    data = ([[1.0, 1], [1.0, 1]], ["b", "a"], [[1.0, 1]])
    assert knn_accuracy(*data, ["a"], k=2) == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 0}, "k=0"),
        ({"k": 2.5}, "k=2.5"),
        ({"temperature": 0}, "temperature=0"),
        ({"train_labels": [0, 1, 2]}, r"train_labels of shape \(3,\) for 4 features"),
        ({"test_labels": np.eye(4)}, r"argmax"),
        ({"test_labels": ["0", "1", "2", "3"]}, "share no class"),
        ({"test_labels": [9, 9, 9, 9]}, "share no class"),
        ({"test_features": np.ones((4, 5))}, "same number of dimensions"),
        ({"test_features": np.zeros((4, 4))}, r"test_features with 4 row\(s\) of zero length"),
        ({"train_features": np.full((4, 4), np.nan)}, "train_features with 4 row"),
        ({"train_features": np.ones(4)}, "train_features of shape"),
        ({"train_features": np.ones((0, 4)), "train_labels": []}, "0 sample"),
    ],
)
def test_refuses(change, message):
    good = {
        "train_features": np.eye(4),
        "train_labels": [0, 1, 2, 3],
        "test_features": np.eye(4),
        "test_labels": [0, 1, 2, 3],
    }
    assert knn_accuracy(**good, k=1) == 1.0
    with pytest.raises(InputError, match=message):
        knn_accuracy(**(good | change))
