import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.gradient_checks import check_loss

barlow_twins = kcs.losses.barlow_twins


def reference(z1, z2, redundancy_weight, standardize=True):
    if standardize:
        z1, z2 = ((z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5) for z in (z1, z2))
    dim = z1.shape[1]
    c = np.array([[np.mean(z1[:, k] * z2[:, m]) for m in range(dim)] for k in range(dim)])
    off_diagonal = sum(c[k, m] ** 2 for k in range(dim) for m in range(dim) if k != m)
    return np.sum((1 - np.diag(c)) ** 2) + redundancy_weight * off_diagonal


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("weight", [5e-3, 0.5, 0.0])
def test_value_and_gradient(rng, standardize, weight):
    """The statistics are differentiable: the reference's gradient goes through mean and std."""
    z1 = 2 * rng.standard_normal((6, 4)) + 1
    check_loss(
        lambda a, b: barlow_twins(a, b, weight, standardize=standardize),
        lambda a, b: reference(a, b, weight, standardize),
        z1,
        z1 + 0.5 * rng.standard_normal((6, 4)),
    )


def test_known_cases():
    # All combinations of signs: standardised, and every dimension independent of every other.
    signs = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)], "float32")
    np.testing.assert_allclose(barlow_twins(signs, signs, 1.0), 0, atol=1e-5)
    np.testing.assert_allclose(barlow_twins(signs, -signs, 1.0), 3 * 4, rtol=1e-4)
    # Duplicated dimensions: no cost to invariance, all of it to redundancy.
    same = np.repeat(signs[:, :1], 3, axis=1)
    np.testing.assert_allclose(barlow_twins(same, same, 0.0), 0, atol=1e-5)
    np.testing.assert_allclose(barlow_twins(same, same, 1.0), 6, rtol=1e-4)
    # A collapsed batch correlates with nothing; without standardisation it may be a minimum.
    point = np.ones((8, 3), "float32")
    np.testing.assert_allclose(barlow_twins(point, point), 3, rtol=1e-5)
    np.testing.assert_allclose(barlow_twins(point, point, 0.0, standardize=False), 0, atol=1e-5)
    np.testing.assert_allclose(barlow_twins(point, point, 1.0, standardize=False), 6, rtol=1e-5)


def test_statistics_are_biased(rng):
    """Divided by B, a view is correlated with itself by 1, by less with a B - 1 in it."""
    z = rng.standard_normal((4, 3)).astype("float32")
    np.testing.assert_allclose(barlow_twins(z, z, 0.0), 0, atol=1e-5)


def test_invariances(rng):
    z1, z2 = rng.standard_normal((2, 8, 4)).astype("float32")
    value = barlow_twins(z1, z2)
    order = rng.permutation(8)
    # Any shift and scale of a dimension: the centre has no say. Not a rotation.
    scale = np.array([1, 10, 0.5, 3], "float32")
    for other in ((z2, z1), (z1[order], z2[order]), (z1 + 5, z2 - 3), (z1 * scale, z2)):
        np.testing.assert_allclose(barlow_twins(*other), value, rtol=1e-3)


def test_bad_input_is_explained():
    z = np.ones((4, 3), "float32")
    with pytest.raises(kcs.InputError, match="0 or more; received -1"):
        barlow_twins(z, z, -1)
    with pytest.raises(kcs.InputError, match="at least 2"):
        barlow_twins(z[:1], z[:1])
