import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.gradient_checks import check_loss, rotation, unit_rows

tico = kcs.losses.tico


def reference(z1, z2, moment, rho):
    z1, z2 = unit_rows(z1), unit_rows(z2)
    terms = [1 - a @ b + rho * a @ moment @ a for a, b in zip(z1, z2, strict=True)]
    return np.mean(terms)


def updated(z, before, beta=0.9):
    """The second moment with a batch in it."""
    z = unit_rows(z)
    return (beta * before + (1 - beta) * z.T @ z / len(z)).astype("float32")


@pytest.mark.parametrize("rho", [0.0, 1.0, 20.0])
def test_value_and_gradient(rng, rho):
    z1, z2 = rng.standard_normal((2, 6, 4))
    check_loss(
        lambda a, b, c: tico(a, b, c, rho),
        lambda a, b, c: reference(a, b, c, rho),
        z1,
        z2,
        updated(rng.standard_normal((8, 4)), np.zeros((4, 4))),
        constant=(2,),
    )


def test_identity():
    """Two orthogonal samples: the first step, and where the moment has settled, at rho / D."""
    eye = np.eye(2, dtype="float32")
    first = updated(eye, np.zeros((2, 2)))
    np.testing.assert_allclose(tico(eye, eye, first), 0.4, rtol=1e-5)
    np.testing.assert_allclose(tico(eye, eye, eye / 2), 4.0, rtol=1e-5)
    np.testing.assert_allclose(updated(eye, eye / 2), eye / 2, rtol=1e-6)


def test_coinciding_embeddings():
    z = np.ones((4, 3), "float32")
    first = updated(z, np.zeros((3, 3)))
    np.testing.assert_allclose(tico(z, z, first), 0.8, rtol=1e-5)
    settled = unit_rows(z).T @ unit_rows(z) / 4
    np.testing.assert_allclose(tico(z, z, settled.astype("float32")), 8.0, rtol=1e-5)
    # A centred moment would be 0, and so would the loss.
    np.testing.assert_allclose(tico(z, z, np.zeros((3, 3), "float32")), 0, atol=1e-6)


def test_the_center_repels_with_its_fourth_power(rng):
    """`tr M^2` of the views' common second moment: covariance, and a centre `s` in it."""
    z = unit_rows(rng.standard_normal((64, 4)) + 0.5)
    moment, center = z.T @ z / 64, z.mean(0)
    covariance = moment - np.outer(center, center)
    expected = (
        np.trace(covariance @ covariance)
        + 2 * center @ covariance @ center
        + (center @ center) ** 2
    )
    z = z.astype("float32")
    np.testing.assert_allclose(tico(z, z, moment.astype("float32"), 1.0), expected, rtol=1e-4)


def test_invariances(rng):
    z1, z2 = rng.standard_normal((2, 6, 4)).astype("float32")
    moment = updated(z1, np.zeros((4, 4)))
    value = tico(z1, z2, moment)
    order, turn = rng.permutation(6), rotation(4).astype("float32")
    for other in (
        (z1[order], z2[order], moment),
        (3 * z1, z2 / 7, moment),
        (z1 @ turn, z2 @ turn, turn.T @ moment @ turn),
    ):
        np.testing.assert_allclose(tico(*other), value, rtol=1e-5)


def test_bad_input_is_explained():
    z, moment = np.ones((4, 3), "float32"), np.zeros((3, 3), "float32")
    with pytest.raises(kcs.InputError, match="0 or more; received -1"):
        tico(z, z, moment, -1)
    with pytest.raises(kcs.InputError, match=r"\(D, D\), here \(3, 3\); received shape \(3,\)"):
        tico(z, z, moment[0])
    with pytest.raises(kcs.InputError, match="shape"):
        tico(z, z[:2], moment)
