import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.gradient_checks import check_loss, rotation, unit_rows, value_and_gradients

triplet = kcs.losses.triplet


def reference(anchor, positive, margin):
    """One triplet at a time."""
    a, p = unit_rows(anchor), unit_rows(positive)
    terms = [
        -a[i] @ p[i] + a[i] @ p[j] if margin is None else max(0, margin - a[i] @ p[i] + a[i] @ p[j])
        for i in range(len(a))
        for j in range(len(a))
        if i != j
    ]
    return np.mean(terms)


@pytest.mark.parametrize("margin", [0.1, 0.7, 1.0, 2.5, None])
def test_value_and_gradient(rng, margin):
    check_loss(
        lambda a, b: triplet(a, b, margin),
        lambda a, b: reference(a, b, margin),
        *rng.standard_normal((2, 5, 4)),
    )


def test_without_hinge_it_is_the_simplified_objective(rng):
    """Exactly `CenterSSL` at lambda 1 with the unbiased cross-view centre, gradient included."""
    z = rng.standard_normal((2, 9, 5)) + 0.4
    value, gradients = value_and_gradients(lambda a, b: triplet(a, b, margin=None), *z)
    expected, expected_gradients = value_and_gradients(
        lambda a, b: kcs.losses.center(a, b, 1.0, cross_view=True, unbiased=True), *z
    )
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-4, atol=1e-5)


def test_a_margin_of_two_is_no_hinge(rng):
    z1, z2 = rng.standard_normal((2, 6, 4)).astype("float32")
    np.testing.assert_allclose(triplet(z1, z2, 2.0) - 2.0, triplet(z1, z2, None), atol=1e-5)


def test_known_cases():
    eye = np.eye(5, dtype="float32")
    # Perfect match, orthogonal negatives: a margin of 1 is just met, one of 1.5 missed by .5.
    np.testing.assert_allclose(triplet(eye, eye, 1.0), 0, atol=1e-5)
    np.testing.assert_allclose(triplet(eye, eye, 1.5), 0.5, rtol=1e-5)
    np.testing.assert_allclose(triplet(eye, eye, None), -1, rtol=1e-5)
    point = np.ones((5, 3), "float32")
    np.testing.assert_allclose(triplet(point, point, 0.3), 0.3, rtol=1e-5)
    np.testing.assert_allclose(triplet(point, point, None), 0, atol=1e-5)


def test_invariances(rng):
    z1, z2 = rng.standard_normal((2, 6, 4)).astype("float32")
    value = triplet(z1, z2, 0.5)
    order, turn = rng.permutation(6), rotation(4).astype("float32")
    for other in ((z1[order], z2[order]), (z1 @ turn, z2 @ turn), (3 * z1, z2 / 7)):
        np.testing.assert_allclose(triplet(*other, 0.5), value, rtol=1e-5)
    np.testing.assert_allclose(triplet(z2, z1, None), triplet(z1, z2, None), rtol=1e-5)


def test_bad_input_is_explained():
    z = np.ones((4, 3), "float32")
    with pytest.raises(kcs.InputError, match="None for no hinge; received 0"):
        triplet(z, z, 0)
    with pytest.raises(kcs.InputError, match="anchor and positive"):
        triplet(z, z[:2])
    with pytest.raises(kcs.InputError, match="at least 2"):
        triplet(z[:1], z[:1])
