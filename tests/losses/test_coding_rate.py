import math

import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.gradient_checks import check_loss, rotation, unit_rows, value_and_gradients

coding_rate = kcs.losses.coding_rate


def reference(z, epsilon):
    """From the eigenvalues of the second moment."""
    z = unit_rows(z)
    values = np.linalg.eigvalsh(z.T @ z / len(z))
    return np.sum(np.log(1 + z.shape[1] / epsilon * values.clip(min=0))) / 2


# More samples than dimensions, and fewer.
@pytest.mark.parametrize("shape", [(8, 3), (3, 8)])
@pytest.mark.parametrize("epsilon", [0.05, 1.0])
def test_value_and_gradient(rng, shape, epsilon):
    check_loss(
        lambda z: coding_rate(z, epsilon),
        lambda z: reference(z, epsilon),
        rng.standard_normal(shape) + 0.3,
        atol=5e-5,
    )


def test_identity():
    eye = np.eye(2, dtype="float32")
    np.testing.assert_allclose(coding_rate(eye, 0.5), math.log(3), rtol=1e-5)
    # The largest value: D/2 log(1 + 1 / epsilon).
    axes = np.concatenate([np.eye(4), -np.eye(4)]).astype("float32")
    np.testing.assert_allclose(coding_rate(axes), 2 * math.log(21), rtol=1e-5)


def test_coinciding_embeddings(rng):
    """One direction, that of the centre; and no gradient out of it, but a finite one."""
    for z in (np.ones((4, 2), "float32"), np.ones((2, 2), "float32"), np.ones((1, 2), "float32")):
        np.testing.assert_allclose(coding_rate(z, 0.5), math.log(5) / 2, rtol=1e-5)
    value, (gradient,) = value_and_gradients(coding_rate, np.ones((6, 3)))
    np.testing.assert_allclose(value, math.log(1 + 3 / 0.05) / 2, rtol=1e-5)
    np.testing.assert_allclose(gradient, 0, atol=1e-5)


def test_invariances(rng):
    z = rng.standard_normal((6, 4)).astype("float32")
    value = coding_rate(z)
    signs = np.array([1, -1, 1, 1, -1, -1], "float32")[:, None]
    for other in (z[rng.permutation(6)], z @ rotation(4).astype("float32"), 3 * z, signs * z):
        np.testing.assert_allclose(coding_rate(other), value, rtol=1e-4)


def test_nan_is_nan():
    z = np.ones((4, 3), "float32")
    z[0, 0] = np.nan
    assert np.isnan(float(coding_rate(z)))


def test_bad_input_is_explained():
    with pytest.raises(kcs.InputError, match=r"above 0; received 0\. Published: 0\.05"):
        coding_rate(np.ones((4, 3), "float32"), 0)
    with pytest.raises(kcs.InputError, match=r"shape \(B, D\).* received \(3,\)"):
        coding_rate(np.ones(3, "float32"))
