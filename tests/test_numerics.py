import numpy as np
import pytest
from keras import ops

import keras_center_ssl as kcs
from keras_center_ssl.numerics import unit_length
from tests.helpers.gradient_checks import value_and_gradients

X = np.array([[3.0, -4.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1e-5, 0.0]], "float32")


def test_values():
    np.testing.assert_allclose(
        unit_length(X), [[0.6, -0.8, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]], atol=1e-5
    )
    np.testing.assert_allclose(unit_length(X.T, axis=0), np.asarray(unit_length(X)).T, atol=1e-5)


def test_gradient_is_that_of_the_direction_and_finite_at_zero():
    _, (gradient,) = value_and_gradients(lambda x: ops.sum(unit_length(x)[:, 0]), X)
    np.testing.assert_allclose(gradient[0], [0.128, 0.096, 0.0], atol=1e-5)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("loss", ["nt_xent", "center", "negative_cosine"])
def test_one_zero_embedding_does_not_spoil_the_others_gradient(rng, loss):
    z1, z2 = rng.standard_normal((2, 8, 4))
    z1[3] = 0
    _, gradients = value_and_gradients(getattr(kcs.losses, loss), z1, z2)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
