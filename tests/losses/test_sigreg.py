import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.gradient_checks import check_loss, unit_rows, value_and_gradients

sigreg = kcs.losses.sigreg
ONE = np.ones((1, 1), "float32")


def reference(z, directions, knots, largest):
    """One direction and one knot at a time, on the whole interval, both ends included."""
    t = np.linspace(-largest, largest, 2 * knots - 1)
    total = 0.0
    for direction in directions.T:
        x = z @ direction
        for j, knot in enumerate(t):
            width = (t[min(j + 1, len(t) - 1)] - t[max(j - 1, 0)]) / 2
            target = np.exp(-(knot**2) / 2)
            distance = abs(np.mean(np.exp(1j * knot * x)) - target) ** 2
            total += len(z) * width * target * distance
    return total / directions.shape[1]


def column(*values):
    return np.array(values, "float32")[:, None]


@pytest.mark.parametrize("knots, largest", [(17, 3.0), (5, 5.0)])
def test_value_and_gradient(rng, knots, largest):
    directions = unit_rows(rng.standard_normal((5, 3))).T
    check_loss(
        lambda z, a: sigreg(z, a, knots, largest),
        lambda z, a: reference(z, a, knots, largest),
        2 * rng.standard_normal((6, 3)) + 0.5,
        directions,
        constant=(1,),
    )


@pytest.mark.parametrize(
    "values, expected",
    [((1,), 1.186006), ((-1, 1), 0.205659), ((-1, 0, 1), 0.032947)],
)
def test_by_hand_in_one_dimension(values, expected):
    np.testing.assert_allclose(sigreg(column(*values), ONE), expected, atol=2e-6)


@pytest.mark.parametrize("count", [1, 4, 64])
def test_all_in_the_origin(count, rng):
    """The value grows with the batch; the gradient is 0, and no NaN."""
    directions = unit_rows(rng.standard_normal((4, 3))).T
    value, (gradient, _) = value_and_gradients(sigreg, np.zeros((count, 3)), directions)
    np.testing.assert_allclose(value, 0.402048 * count, rtol=1e-5)
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("count", [8, 64])
def test_normal_embeddings_cost_about_1_whatever_their_number(count, rng):
    z = rng.standard_normal((400, count)).astype("float32")
    values = [float(sigreg(row[:, None], ONE)) for row in z]
    assert np.mean(values) == pytest.approx(1.05, abs=0.1)


@pytest.mark.parametrize("count", [500, 1000])
def test_a_shift_is_paid_for_by_every_sample(count, rng):
    """About .4824 N ||s||^2 / D."""
    z = rng.standard_normal((count, 4))
    z = np.concatenate([z, -z])
    # Orthogonal directions, so that the mean over them is that over the sphere.
    shifted, straight = (
        float(sigreg((z + s).astype("float32"), np.eye(4, dtype="float32")))
        for s in (np.array([0.1, 0, -0.05, 0]), 0.0)
    )
    expected = 0.4824 * 2 * count * (0.1**2 + 0.05**2) / 4
    assert shifted - straight == pytest.approx(expected, rel=0.1)


def test_invariances(rng):
    z = rng.standard_normal((6, 3)).astype("float32")
    directions = unit_rows(rng.standard_normal((5, 3))).T.astype("float32")
    value = sigreg(z, directions)
    for other in ((z[rng.permutation(6)], directions), (z, directions[:, ::-1]), (-z, directions)):
        np.testing.assert_allclose(sigreg(*other), value, rtol=1e-5)


def test_bad_input_is_explained():
    z = np.ones((4, 3), "float32")
    with pytest.raises(kcs.InputError, match=r"unit columns \(D, K\), here \(3, K\)"):
        sigreg(z, ONE)
    for wrong in ({"knots": 1}, {"largest": 0.0}):
        with pytest.raises(kcs.InputError, match="Published: 17 and 3"):
            sigreg(z, np.eye(3, dtype="float32"), **wrong)
    with pytest.raises(kcs.InputError, match=r"shape \(B, D\)"):
        sigreg(z[0], ONE)
