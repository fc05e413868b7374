"""Weighted k-nearest-neighbour accuracy: quality of an embedding without any training."""

import numpy as np

from keras_center_ssl import geometry
from keras_center_ssl.errors import InputError
from keras_center_ssl.evaluation.classification import Classification
from keras_center_ssl.types import Array

_BLOCK_ENTRIES = 2**24  # similarities held at once, 64 MiB in float32


def knn_accuracy(
    train_features: Array,
    train_labels: Array,
    test_features: Array,
    test_labels: Array,
    k: int = 20,
    temperature: float = 0.1,
) -> float:
    """Accuracy of a cosine k-NN classifier, votes weighted with `exp(cosine / temperature)`.

    `knn_classification` gives the classes and an interval, too. Arguments are the same.

    Args:
        train_features: `(n, d)` features that vote.
        train_labels: `(n,)` integers or strings.
        test_features: `(m, d)` features to classify.
        test_labels: `(m,)` labels of the same kind.
        k: Number of neighbours that vote; all `n` if there are fewer.
        temperature: Positive. Small values let the nearest decide, large ones count heads.

    Returns:
        Float in [0, 1]. Of classes with equal votes the first in sorted order wins.

    Raises:
        InputError: for shapes that do not match, zero or not finite rows, a `k` or `temperature`
            that is not positive, and labels of which train and test share none.

    Source: Wu et al., 2018, section 3.4.
    """
    return knn_classification(
        train_features, train_labels, test_features, test_labels, k, temperature
    ).accuracy


def knn_classification(
    train_features: Array,
    train_labels: Array,
    test_features: Array,
    test_labels: Array,
    k: int = 20,
    temperature: float = 0.1,
) -> Classification:
    """`knn_accuracy` as a `Classification`: top-5, interval, confusion matrix.

    Exact, in chunks: memory does not grow with the product of both sets.
    """
    if not (isinstance(k, int | np.integer) and k >= 1):
        raise InputError(f"Received k={k!r} neighbours. Accepted: whole numbers from 1 on.")
    if not temperature > 0:
        raise InputError(f"Received temperature={temperature!r}. Accepted: positive numbers.")
    train_labels, test_labels = check_labelled(
        train_features, train_labels, test_features, test_labels
    )
    train = geometry.unit_rows(train_features, "train_features").astype(np.float32)
    test = geometry.unit_rows(test_features, "test_features").astype(np.float32)
    classes, votes_for = np.unique(train_labels, return_inverse=True)
    k = min(int(k), len(train))
    step = max(1, _BLOCK_ENTRIES // len(train))
    scores = np.empty((len(test), len(classes)))
    for start in range(0, len(test), step):
        cosines = test[start : start + step] @ train.T
        nearest = np.argpartition(cosines, len(train) - k, axis=1)[:, len(train) - k :]
        near = np.take_along_axis(cosines, nearest, axis=1).astype(np.float64)
        # Relative to the nearest, so that a small temperature does not overflow.
        weights = np.exp((near - near.max(axis=1, keepdims=True)) / temperature)
        votes = np.zeros((len(near), len(classes)))
        np.add.at(votes, (np.arange(len(near))[:, None], votes_for[nearest]), weights)
        votes[votes == 0] = -np.inf
        scores[start : start + step] = votes
    return Classification.of(scores, test_labels, classes)


def check_labelled(train_features, train_labels, test_features, test_labels):
    """Holds features and labels of both parts to each other; returns the labels as `(n,)` arrays.

    Raises:
        InputError: says which of the four does not fit and what it should be.
    """
    train = geometry.as_rows(train_features, "train_features", minimum=1)
    test = geometry.as_rows(test_features, "test_features", minimum=1)
    if train.shape[1] != test.shape[1]:
        raise InputError(
            f"Received train_features of shape {train.shape} and test_features of shape "
            f"{test.shape}. Accepted: the same number of dimensions, from one encoder."
        )
    train_labels = _labels(train_labels, len(train), "train_labels")
    test_labels = _labels(test_labels, len(test), "test_labels")
    numbers = [labels.dtype.kind in "iubf" for labels in (train_labels, test_labels)]
    if numbers[0] != numbers[1] or not np.isin(test_labels, train_labels).any():
        raise InputError(
            f"Received test_labels (for example {test_labels[0].item()!r}) that share no class "
            f"with train_labels (for example {train_labels[0].item()!r}). Accepted: labels of one "
            "kind, integers or strings, in both."
        )
    return train_labels, test_labels


def _labels(labels, count, name):
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:  # keras.datasets gives (n, 1)
        labels = labels[:, 0]
    if labels.shape != (count,):
        raise InputError(
            f"Received {name} of shape {labels.shape} for {count} features. Accepted: one integer "
            f"or string per feature, shape ({count},); of one-hot labels take argmax(axis=1)."
        )
    return labels
