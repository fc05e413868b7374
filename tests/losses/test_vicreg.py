import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.gradient_checks import check_loss, rotation

vicreg = kcs.losses.vicreg


def reference(z1, z2, invariance, variance, covariance):
    std, cov = [], []
    for z in (z1, z2):
        matrix = np.cov(z, rowvar=False)
        std.append(np.mean(np.maximum(0, 1 - np.sqrt(np.diag(matrix) + 1e-4))))
        cov.append((np.sum(matrix**2) - np.sum(np.diag(matrix) ** 2)) / z.shape[1])
    distance = np.mean((z1 - z2) ** 2)
    return invariance * distance + variance * np.mean(std) + covariance * np.sum(cov)


@pytest.mark.parametrize("weights", [(25.0, 25.0, 1.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)])
def test_value_and_gradient(rng, weights):
    # Deviations on both sides of 1, so that the hinge is on for some dimensions and off for others.
    scale = np.array([0.3, 0.6, 2.0, 3.0])
    check_loss(
        lambda a, b: vicreg(a, b, *weights),
        lambda a, b: reference(a, b, *weights),
        *(rng.standard_normal((2, 6, 4)) * scale + 1),
    )


def test_known_cases():
    signs = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)], "float32")
    np.testing.assert_allclose(vicreg(signs, signs), 0, atol=1e-5)
    np.testing.assert_allclose(vicreg(signs, -signs), 25 * 4, rtol=1e-5)
    # Duplicated dimensions: 6 of 9 covariances are 8/7, each view counts.
    same = np.repeat(signs[:, :1], 3, axis=1)
    np.testing.assert_allclose(vicreg(same, same), 2 * 6 * (8 / 7) ** 2 / 3, rtol=1e-5)
    point = np.ones((8, 3), "float32")
    np.testing.assert_allclose(vicreg(point, point), 25 * 0.99, rtol=1e-5)


def test_the_center_is_free(rng):
    """A constant added to all embeddings leaves the loss as it is, and the centre at length 1."""
    z1, z2 = rng.standard_normal((2, 8, 4)).astype("float32")
    far1, far2 = z1 + 20, z2 + 20
    np.testing.assert_allclose(vicreg(far1, far2), vicreg(z1, z2), rtol=1e-4)
    squared = kcs.geometry.center_norm_squared
    assert squared(far1, far2) > 0.98 > 0.5 > squared(z1, z2)


def test_invariances(rng):
    z1, z2 = rng.standard_normal((2, 8, 4)).astype("float32")
    value = vicreg(z1, z2)
    order = rng.permutation(8)
    flip = np.array([1, -1, 1, -1], "float32")
    for other in ((z2, z1), (z1[order], z2[order]), (z1 * flip, z2 * flip)):
        np.testing.assert_allclose(vicreg(*other), value, rtol=1e-5)
    turn = rotation(4).astype("float32")
    invariance = vicreg(z1, z2, 1.0, 0.0, 0.0)
    np.testing.assert_allclose(vicreg(z1 @ turn, z2 @ turn, 1.0, 0.0, 0.0), invariance, rtol=1e-5)


def test_bad_input_is_explained():
    z = np.ones((4, 3), "float32")
    with pytest.raises(kcs.InputError, match="0 or more"):
        vicreg(z, z, 1.0, -1.0)
    with pytest.raises(kcs.InputError, match="at least 2"):
        vicreg(z[:1], z[:1])
