import numpy as np
import pytest
from keras import ops

import keras_center_ssl as kcs
from tests.helpers.gradient_checks import unit_rows, value_and_gradients

sinkhorn = kcs.losses.sinkhorn


def reference(scores, epsilon, iterations):
    """Sinkhorn-Knopp on the matrix itself, in float64 (whose range suffices at this epsilon)."""
    q = np.exp(np.asarray(scores, "float64") / epsilon)
    for _ in range(iterations):
        q = q / q.sum(0, keepdims=True) / q.shape[1]
        q = q / q.sum(1, keepdims=True) / q.shape[0]
    return q * q.shape[0]


def cosines(rng, rows=12, prototypes=5, dim=4):
    z, c = rng.standard_normal((rows, dim)), rng.standard_normal((prototypes, dim))
    return (unit_rows(z + 0.5) @ unit_rows(c).T).astype("float32")


@pytest.mark.parametrize("epsilon", [0.03, 0.05, 1.0])
@pytest.mark.parametrize("iterations", [1, 3, 10])
def test_matches_the_plain_algorithm(rng, epsilon, iterations):
    scores = cosines(rng)
    q = sinkhorn(scores, epsilon, iterations)
    np.testing.assert_allclose(q, reference(scores, epsilon, iterations), rtol=2e-3, atol=1e-5)


def test_rows_sum_to_one_and_columns_become_equal(rng):
    scores = cosines(rng)
    q = np.asarray(sinkhorn(scores, 0.05, 3))
    np.testing.assert_allclose(q.sum(1), 1, rtol=1e-5)
    columns = [np.asarray(sinkhorn(scores, 0.2, n)).sum(0) for n in (1, 5, 200)]
    errors = [np.abs(column - 12 / 5).max() for column in columns]
    assert errors[0] > errors[1] > errors[2] and errors[2] < 1e-3


def test_does_not_overflow(rng):
    """exp(1 / .003) is beyond float32, and so is exp(1 / .01)."""
    for epsilon in (0.03, 0.01, 0.003):
        q = np.asarray(sinkhorn(cosines(rng), epsilon))
        assert np.isfinite(q).all()
        np.testing.assert_allclose(q.sum(1), 1, rtol=1e-4)
    q = np.asarray(sinkhorn(np.full((4, 3), 1e4, "float32")))
    np.testing.assert_allclose(q, 1 / 3, rtol=1e-5)


def test_a_clear_choice_is_kept_and_a_collapsed_batch_is_spread():
    clear = np.eye(4, dtype="float32").repeat(2, axis=0)
    np.testing.assert_allclose(sinkhorn(clear), clear, atol=1e-4)
    # All samples nearest to prototype 0: softmax would assign them all to it.
    collapsed = np.tile(np.array([[1.0, 0.9, 0.8]], "float32"), (6, 1))
    np.testing.assert_allclose(sinkhorn(collapsed), 1 / 3, rtol=1e-4)


def test_permutations_and_a_constant(rng):
    scores = cosines(rng)
    q = np.asarray(sinkhorn(scores))
    rows, columns = rng.permutation(12), rng.permutation(5)
    moved = np.asarray(sinkhorn(scores[rows][:, columns]))
    np.testing.assert_allclose(moved, q[rows][:, columns], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(sinkhorn(scores + 0.5), q, rtol=1e-3, atol=1e-5)


def test_no_gradient(rng):
    _, (gradient,) = value_and_gradients(lambda s: ops.sum(sinkhorn(s) ** 2), cosines(rng))
    assert not gradient.any()


def test_bad_input_is_explained(rng):
    with pytest.raises(kcs.InputError, match=r"\(B, K\); received shape \(3,\)"):
        sinkhorn(np.ones(3, "float32"))
    with pytest.raises(kcs.InputError, match="epsilon=0,"):
        sinkhorn(cosines(rng), epsilon=0)
    with pytest.raises(kcs.InputError, match="iterations=0"):
        sinkhorn(cosines(rng), iterations=0)
