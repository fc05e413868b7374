import numpy as np
import pytest

from keras_center_ssl.methods.second_moment import SecondMoment
from tests.helpers.gradient_checks import unit_rows


@pytest.mark.parametrize("centered", [False, True])
def test_a_moving_average_of_the_batches(rng, centered):
    layer, expected = SecondMoment(3, 0.8, centered), np.zeros((3, 3))
    for _ in range(3):
        z = rng.standard_normal((8, 3)) + 1
        layer.update(layer.updated(z.astype("float32")))
        rows = unit_rows(z)
        rows = rows - rows.mean(0) if centered else rows
        expected = 0.8 * expected + 0.2 * rows.T @ rows / 8
    np.testing.assert_allclose(layer.average, expected, rtol=1e-4, atol=1e-6)


def test_looking_does_not_change_it(rng):
    layer = SecondMoment(3)
    layer.updated(rng.standard_normal((8, 3)).astype("float32"))
    assert not np.asarray(layer.average).any()


def test_of_one_point_a_centred_one_is_zero():
    z = np.ones((8, 3), "float32")
    assert np.abs(np.asarray(SecondMoment(3, 0.9, True).updated(z))).max() < 1e-6
    np.testing.assert_allclose(SecondMoment(3, 0.9).updated(z), np.full((3, 3), 0.1 / 3), rtol=1e-5)


def test_its_config_makes_it_anew():
    layer = SecondMoment(3, 0.8, True, name="moment")
    again = SecondMoment.from_config(layer.get_config())
    assert (again.dim, again.momentum, again.centered) == (3, 0.8, True)
    assert not again.trainable_variables
