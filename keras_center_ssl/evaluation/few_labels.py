"""Few labels: a linear probe that sees a small share of the labels, drawn several times."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_center_ssl.errors import InputError
from keras_center_ssl.evaluation.classification import mean_and_interval
from keras_center_ssl.evaluation.linear import linear_probe
from keras_center_ssl.types import Array


def few_labels(
    train_features: Array,
    train_labels: Array,
    test_features: Array,
    test_labels: Array,
    share: float = 0.01,
    seeds: Iterable[int] = range(5),
    **options: Any,
) -> dict[str, Any]:
    """Test accuracy of linear probes on a share of the training labels.

    Args:
        train_features: `(n, d)` features of which a share is fitted on.
        train_labels: `(n,)` integers or strings.
        test_features: `(m, d)` features to classify.
        test_labels: `(m,)` labels of the same kind.
        share: Share of every class' samples, in (0, 1]; at least one sample of each.
        seeds: One draw and one probe for each.
        **options: As in `linear_probe`.

    Returns:
        Dict: `accuracy`, the mean over the draws; `interval`, the half-width of its 95 % interval
        over draws (`None` for one draw); `samples`, how many labels a draw has; `accuracies`.

    Raises:
        InputError: for a share out of range, no seeds, and what `linear_probe` refuses.
    """
    if isinstance(share, bool) or not 0 < share <= 1:
        raise InputError(
            f"share is above 0 and at most 1; received {share!r}. Usual: 0.01 and 0.1."
        )
    seeds = list(seeds)
    if not seeds:
        raise InputError("Received no seeds. Accepted: one or more whole numbers, one a draw.")
    train_features, train_labels = np.asarray(train_features), np.asarray(train_labels)
    accuracies = []
    for seed in seeds:
        rows = stratified(train_labels, share, seed)
        accuracies.append(
            linear_probe(
                train_features[rows], train_labels[rows], test_features, test_labels, **options
            )
        )
    mean, interval = mean_and_interval(accuracies)
    return {
        "accuracy": mean,
        "interval": interval,
        "samples": len(rows),
        "accuracies": accuracies,
    }


def stratified(labels, share, seed=0):
    """Sorted row numbers of a share of every class, at least one of each."""
    rng = np.random.default_rng(seed)
    labels = np.asarray(labels).reshape(-1)
    chosen = []
    for name in np.unique(labels):
        rows = np.flatnonzero(labels == name)
        chosen.append(rng.choice(rows, max(1, round(share * len(rows))), replace=False))
    return np.sort(np.concatenate(chosen))
