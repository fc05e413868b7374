"""What frozen features are worth, by several protocols at once, and the baselines beside them."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from keras_center_ssl.errors import InputError, one_of
from keras_center_ssl.evaluation.baselines import WhitenedPixels, raw_pixels
from keras_center_ssl.evaluation.few_labels import few_labels
from keras_center_ssl.evaluation.knn import knn_classification
from keras_center_ssl.evaluation.linear import linear_classification
from keras_center_ssl.evaluation.retrieval import retrieval
from keras_center_ssl.types import Array

# Shares of the labels that "few-labels" fits on.
SHARES = (0.01, 0.1)


def _knn(train, train_labels, test, test_labels):
    return knn_classification(train, train_labels, test, test_labels).to_dict()


def _linear(train, train_labels, test, test_labels):
    return linear_classification(train, train_labels, test, test_labels).to_dict()


def _few_labels(train, train_labels, test, test_labels):
    found = [few_labels(train, train_labels, test, test_labels, share) for share in SHARES]
    return {f"{share:g}": result for share, result in zip(SHARES, found, strict=True)}


def _retrieval(train, train_labels, test, test_labels):
    return retrieval(test, test_labels)


# What needs features only. Fine-tuning (`fine_tune`) needs the encoder itself.
PROTOCOLS = {
    "knn": _knn,
    "linear": _linear,
    "few-labels": _few_labels,
    "retrieval": _retrieval,
}
FINE_TUNING = "finetune"
DEFAULT_PROTOCOLS = ("knn", "linear")


def check_protocols(protocols: Iterable[str]) -> tuple[str, ...]:
    """The names of protocols, each once; `InputError` for one that does not exist."""
    known = (*PROTOCOLS, FINE_TUNING)
    given = tuple(dict.fromkeys([protocols] if isinstance(protocols, str) else protocols))
    for name in given:
        if name not in known:
            raise one_of("protocol", name, known)
    if not given:
        raise InputError(f"Received no protocols. Accepted: one or more of {', '.join(known)}.")
    return given


def judge(
    train_features: Array,
    train_labels: Array,
    test_features: Array,
    test_labels: Array,
    protocols: Iterable[str] = DEFAULT_PROTOCOLS,
) -> dict[str, dict[str, Any]]:
    """Judges frozen features by several protocols.

    Args:
        train_features: `(n, d)` features whose labels are known.
        train_labels: `(n,)` integers or strings.
        test_features: `(m, d)` features to judge.
        test_labels: `(m,)` labels of the same kind.
        protocols: Names: `"knn"` (weighted k-NN, k = 20), `"linear"` (linear probe),
            `"few-labels"` (linear probes on 1 % and 10 % of the labels, five draws each) and
            `"retrieval"` (each test image searches the other test images).

    Returns:
        Protocol -> its result as plain numbers and lists: what `Classification.to_dict`,
        `few_labels` (by share) and `retrieval` give.

    Raises:
        InputError: For an unknown protocol (`"finetune"` needs the encoder: `fine_tune`), and what
            the protocols refuse.
    """
    parts = (train_features, train_labels, test_features, test_labels)
    found = {}
    for name in check_protocols(protocols):
        if name == FINE_TUNING:
            raise InputError(
                "Fine-tuning changes the encoder, so it needs the encoder and not its features. "
                "Use kcs.evaluation.fine_tune."
            )
        found[name] = PROTOCOLS[name](*parts)
    return found


def pixel_baselines(images: Array, dimensions: int) -> dict[str, Callable[[Array], Any]]:
    """What needs no training, as functions from images to features.

    Args:
        images: `(n, H, W, C)` training images, uint8 or float in [0, 1], to fit the whitening on.
        dimensions: Of the features that they are compared with.

    Returns:
        `"whitened_pixels"`, the `dimensions` largest principal components of the pixels, each of
        variance 1 (fewer where fewer vary), and `"raw_pixels"`.
    """
    images = np.asarray(images)
    return {
        "whitened_pixels": WhitenedPixels(images, dimensions),
        "raw_pixels": raw_pixels,
    }


def headline(protocol: str, result: dict[str, Any]) -> dict[str, float]:
    """The figures of a result that a table shows: key of `kcs.figures` -> value."""
    if protocol == "few-labels":
        return {
            f"linear_accuracy_{100 * float(s):.0f}_percent": r["accuracy"]
            for s, r in result.items()
        }
    if protocol == "retrieval":
        return {"mean_average_precision": result["mean_average_precision"]}
    return {_HEADLINES[protocol]: result["accuracy"]}


_HEADLINES = {
    "knn": "knn_accuracy",
    "linear": "linear_accuracy",
    FINE_TUNING: "fine_tuned_accuracy",
}
