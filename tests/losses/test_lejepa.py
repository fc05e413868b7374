import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.gradient_checks import check_loss, unit_rows, value_and_gradients

lejepa, sigreg = kcs.losses.lejepa, kcs.losses.sigreg


def normal_distance(x):
    t = np.linspace(-3, 3, 33)
    distance = np.abs(np.mean(np.exp(1j * np.outer(t, x)), axis=1) - np.exp(-(t**2) / 2)) ** 2
    return len(x) * np.trapezoid(distance * np.exp(-(t**2) / 2), t)


def reference(views, directions, global_views, weight):
    statistic = np.mean([normal_distance(z @ a) for z in views for a in directions.T])
    squares = []
    for sample in np.moveaxis(views, 1, 0):
        mean = sum(sample[:global_views]) / global_views
        squares += [(view - mean) ** 2 for view in sample]
    return weight * statistic + (1 - weight) * np.mean(squares)


@pytest.mark.parametrize("weight", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("count, global_views", [(2, 2), (4, 2), (3, 1)])
def test_value_and_gradient(rng, weight, count, global_views):
    check_loss(
        lambda z, a: lejepa(z, a, global_views, weight),
        lambda z, a: reference(z, a, global_views, weight),
        rng.standard_normal((count, 5, 3)) + 0.3,
        unit_rows(rng.standard_normal((4, 3))).T,
        constant=(1,),
    )


def test_all_in_the_origin():
    """Collapse is a stationary point, at .402 of the batch times the weight."""
    directions = np.eye(3)
    value, (gradient, _) = value_and_gradients(lejepa, np.zeros((2, 8, 3)), directions)
    np.testing.assert_allclose(value, 0.05 * 0.402048 * 8, rtol=1e-5)
    np.testing.assert_array_equal(gradient, 0)


def test_views_that_agree_leave_sigreg(rng):
    z = rng.standard_normal((8, 3)).astype("float32")
    directions = unit_rows(rng.standard_normal((4, 3))).T.astype("float32")
    expected = 0.05 * float(sigreg(z, directions))
    np.testing.assert_allclose(lejepa(np.stack([z, z, z]), directions), expected, rtol=1e-5)
    np.testing.assert_allclose(lejepa([z, z], directions), expected, rtol=1e-5)


def test_the_global_views_are_tested_too(rng):
    """A shift of one of the two counts as that of the other."""
    directions = np.eye(3, dtype="float32")
    z = rng.standard_normal((8, 3)).astype("float32")
    one, other = (lejepa([z + s, z - s], directions, sigreg_weight=1.0) for s in (0.5, -0.5))
    np.testing.assert_allclose(one, other, rtol=1e-5)
    np.testing.assert_allclose(
        one, (sigreg(z + 0.5, directions) + sigreg(z - 0.5, directions)) / 2, rtol=1e-5
    )


def test_bad_input_is_explained():
    views, directions = np.ones((2, 4, 3), "float32"), np.eye(3, dtype="float32")
    with pytest.raises(kcs.InputError, match=r"\(V, B, D\), global views first.*stack\(\[z1, z2\]"):
        lejepa(views[0], directions)
    for wrong in (0, 3):
        with pytest.raises(kcs.InputError, match=f"1 to 2; received {wrong}"):
            lejepa(views, directions, wrong)
    with pytest.raises(kcs.InputError, match=r"sigreg_weight is a share .* received 2"):
        lejepa(views, directions, sigreg_weight=2)
    with pytest.raises(kcs.InputError, match="unit columns"):
        lejepa(views, directions[:2])
