import numpy as np
import pytest

from keras_center_ssl.evaluation.classification import (
    Classification,
    mean_and_interval,
    wilson_interval,
)


def test_a_hand_made_case():
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.5, 0.5]])
    found = Classification.of(scores, np.array(["a", "b", "b", "z"]), np.array(["a", "b"]))
    assert found.classes.tolist() == ["a", "b", "z"]
    np.testing.assert_array_equal(found.confusion, [[1, 0, 0], [1, 1, 0], [1, 0, 0]])
    assert found.accuracy == 0.5 and found.samples == 4 and found.top5 is None
    table = found.per_class()
    assert table["a"] == {"samples": 1, "recall": 1.0, "precision": pytest.approx(1 / 3)}
    assert table["b"] == {"samples": 2, "recall": 0.5, "precision": 1.0}
    assert table["z"] == {"samples": 1, "recall": 0.0, "precision": None}
    assert found.to_dict()["confusion"] == found.confusion.tolist()


def test_top5_is_the_share_among_the_five_best(rng):
    scores, labels = rng.normal(size=(300, 9)), rng.integers(0, 9, 300)
    found = Classification.of(scores, labels, np.arange(9))
    ranks = [1 + int(np.sum(s > s[t])) for s, t in zip(scores, labels, strict=True)]
    assert found.top5 == np.mean(np.array(ranks) <= 5)
    assert found.accuracy == np.mean(np.array(ranks) == 1)
    # No vote is no prediction.
    none = Classification.of(np.full((1, 9), -np.inf), np.array([0]), np.arange(9))
    assert none.top5 == 0.0


def test_intervals():
    # Wilson's, from a table: 8 of 10.
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-3)
    assert wilson_interval(0, 10)[0] == pytest.approx(0.0, abs=1e-12)
    assert wilson_interval(10, 10)[1] == pytest.approx(1.0)
    mean, half = mean_and_interval([0.8, 0.9, 1.0])
    assert (mean, half) == (pytest.approx(0.9), pytest.approx(4.303 * 0.1 / 3**0.5))
    assert mean_and_interval([0.5]) == (0.5, None)


def test_the_interval_covers_the_true_share_as_often_as_it_says(rng):
    hits = rng.binomial(200, 0.9, size=2000)
    covered = np.mean([low <= 0.9 <= high for low, high in (wilson_interval(h, 200) for h in hits)])
    assert 0.93 < covered < 0.97
