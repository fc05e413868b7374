import numpy as np
import pytest
from keras import ops

import keras_center_ssl as kcs
from tests.helpers.gradient_checks import check_loss, rotation, unit_rows

negative_cosine = kcs.losses.negative_cosine


def reference(p, z):
    return -np.mean([a @ b for a, b in zip(unit_rows(p), unit_rows(z), strict=True)])


def test_value_and_gradient(rng):
    p, z = rng.standard_normal((2, 5, 3))
    check_loss(negative_cosine, reference, p, z)
    stopped = lambda p, z: negative_cosine(p, ops.stop_gradient(z))  # noqa: E731
    check_loss(stopped, reference, p, z, constant=(1,))


def test_known_cases():
    eye = np.eye(4, dtype="float32")
    np.testing.assert_allclose(negative_cosine(eye, 5 * eye), -1, rtol=1e-5)
    np.testing.assert_allclose(negative_cosine(eye, -eye), 1, rtol=1e-5)
    np.testing.assert_allclose(negative_cosine(eye, np.roll(eye, 1, axis=0)), 0, atol=1e-5)
    # A collapsed representation is at the minimum: what keeps it away is not in this loss.
    point = np.ones((4, 3), "float32")
    np.testing.assert_allclose(negative_cosine(point, point), -1, rtol=1e-5)
    # One sample is enough; a row of zeros has no direction and counts as orthogonal.
    np.testing.assert_allclose(negative_cosine(eye[:1], np.zeros((1, 4), "float32")), 0, atol=1e-5)


def test_invariances(rng):
    p, z = rng.standard_normal((2, 6, 4)).astype("float32")
    value = negative_cosine(p, z)
    order, turn = rng.permutation(6), rotation(4).astype("float32")
    for other in ((z, p), (p[order], z[order]), (p @ turn, z @ turn), (3 * p, z / 7)):
        np.testing.assert_allclose(negative_cosine(*other), value, rtol=1e-5, atol=1e-5)


def test_bad_input_is_explained():
    with pytest.raises(kcs.InputError, match="prediction and target"):
        negative_cosine(np.ones((4, 3)), np.ones((4, 2)))
    with pytest.raises(kcs.InputError, match=r"\(B, D\)"):
        negative_cosine(np.ones(3), np.ones(3))
