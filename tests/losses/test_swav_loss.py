import math

import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.gradient_checks import check_loss

swav = kcs.losses.swav


def reference(s1, s2, q1, q2, temperature):
    terms = []
    for scores, q in ((s1, q2), (s2, q1)):
        for row, assigned in zip(scores / temperature, q, strict=True):
            p = np.exp(row - row.max())
            terms.append(-np.sum(assigned * np.log(p / p.sum())))
    return np.mean(terms)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_value_and_gradient(rng, temperature):
    s1, s2 = rng.uniform(-1, 1, (2, 5, 4))
    q1, q2 = rng.dirichlet(np.ones(4), (2, 5))
    check_loss(
        lambda *arrays: swav(*arrays, temperature),
        lambda *arrays: reference(*arrays, temperature),
        s1,
        s2,
        q1,
        q2,
        constant=(2, 3),
    )


def test_known_cases():
    eye = np.eye(4, dtype="float32")
    # Perfect match: each view predicts the other's assignment, up to the temperature.
    confident = math.log(math.exp(10) + 3) - 10
    np.testing.assert_allclose(swav(eye, eye, eye, eye, 0.1), confident, rtol=1e-2)
    # The views disagree on every sample: a score of 0 against one of 1.
    moved = np.roll(eye, 1, axis=0)
    np.testing.assert_allclose(swav(eye, moved, eye, moved, 0.1), 10 + confident, rtol=1e-5)
    # Uniform predictions, whatever is assigned.
    point = np.full((4, 4), 0.3, "float32")
    np.testing.assert_allclose(swav(point, point, eye, eye), math.log(4), rtol=1e-5)


def test_swap_of_views_and_permutations(rng):
    s1, s2 = rng.uniform(-1, 1, (2, 6, 4)).astype("float32")
    q1, q2 = (kcs.losses.sinkhorn(s) for s in (s1, s2))
    q1, q2 = np.asarray(q1), np.asarray(q2)
    value = swav(s1, s2, q1, q2)
    np.testing.assert_allclose(swav(s2, s1, q2, q1), value, rtol=1e-5)
    for order in (np.s_[rng.permutation(6)], np.s_[:, rng.permutation(4)]):
        other = [array[order] for array in (s1, s2, q1, q2)]
        np.testing.assert_allclose(swav(*other), value, rtol=1e-5)


def test_the_assignments_are_the_best_prediction(rng):
    """Cross-entropy is least, the entropy of the assignment, where the prediction equals it."""
    q = rng.dirichlet(np.ones(4), 5).astype("float32")
    entropy = -np.mean(np.sum(q * np.log(q), axis=1))
    scores = 0.1 * np.log(q)
    np.testing.assert_allclose(swav(scores, scores, q, q, 0.1), entropy, rtol=1e-4)
    assert float(swav(scores, scores + 0.05 * rng.standard_normal(q.shape), q, q, 0.1)) > entropy


def test_bad_input_is_explained():
    s = np.ones((4, 3), "float32")
    with pytest.raises(kcs.InputError, match="scores and assignments"):
        swav(s, s, s[:, :2], s[:, :2])
    with pytest.raises(kcs.InputError, match="temperature above 0"):
        swav(s, s, s, s, temperature=0)
