"""Retrieval against brute force and cases with a known answer."""

import numpy as np
import pytest

from keras_center_ssl.errors import InputError
from keras_center_ssl.evaluation import retrieval


def brute_force(queries, labels, gallery, gallery_labels, own, at):
    precisions, hits = [], {k: [] for k in at}
    for i, (z, name) in enumerate(zip(queries, labels, strict=True)):
        cosines = [z @ g / np.linalg.norm(z) / np.linalg.norm(g) for g in gallery]
        order = [j for j in sorted(range(len(gallery)), key=lambda j: -cosines[j])]
        order = [j for j in order if not (own and j == i)]
        right = [gallery_labels[j] == name for j in order]
        if not any(right):
            continue
        at_hits = [sum(right[: r + 1]) / (r + 1) for r in range(len(right)) if right[r]]
        precisions.append(np.mean(at_hits))
        for k in at:
            hits[k].append(any(right[:k]))
    return np.mean(precisions), {k: np.mean(v) for k, v in hits.items()}


@pytest.mark.parametrize("own", [True, False])
def test_equals_brute_force(rng, own):
    queries, gallery = rng.normal(size=(40, 4)), rng.normal(size=(55, 4))
    labels, gallery_labels = rng.integers(0, 4, 40), rng.integers(0, 3, 55)
    if own:
        gallery, gallery_labels = queries, labels
    expected, hits = brute_force(queries, labels, gallery, gallery_labels, own, (1, 5))
    others = () if own else (gallery, gallery_labels)
    got = retrieval(queries, labels, *others, at=(1, 5))
    assert got["mean_average_precision"] == pytest.approx(expected, rel=1e-6)
    assert got["recall_at_1"] == hits[1] and got["recall_at_5"] == hits[5]


def test_blocks_give_the_same(rng, monkeypatch):
    import sys

    z, labels = rng.normal(size=(50, 4)), rng.integers(0, 4, 50)
    whole = retrieval(z, labels)
    monkeypatch.setattr(sys.modules["keras_center_ssl.evaluation.retrieval"], "_BLOCK_ENTRIES", 350)
    assert retrieval(z, labels) == pytest.approx(whole)


def test_known_answers():
    z = np.eye(4)[[0, 0, 1, 1]] + 0.01 * np.arange(16).reshape(4, 4) / 16
    perfect = retrieval(z, ["a", "a", "b", "b"], at=(1,))
    assert perfect == {"mean_average_precision": 1.0, "recall_at_1": 1.0, "queries": 4}
    worst = retrieval(z, ["a", "b", "a", "b"], at=(1, 3))
    assert worst["recall_at_1"] == 0.0 and worst["recall_at_3"] == 1.0
    # "c" has nobody to find.
    assert retrieval(z, ["a", "a", "b", "c"], at=(1,))["queries"] == 2


def test_refuses():
    with pytest.raises(InputError, match="whole numbers from 1"):
        retrieval(np.eye(3), [0, 0, 1], at=(0,))
    with pytest.raises(InputError, match="another image of its class"):
        retrieval(np.eye(3), [0, 1, 2])
    with pytest.raises(InputError, match="zero length"):
        retrieval(np.zeros((3, 2)), [0, 0, 1])
