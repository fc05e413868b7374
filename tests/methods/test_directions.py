import keras
import numpy as np
import pytest

from keras_center_ssl.methods.directions import unit_directions


def drawn(dim, count, seed=0, step=0):
    return np.asarray(unit_directions(dim, count, seed, keras.ops.convert_to_tensor(float(step))))


def reference(dim, count, seed, step):
    """In NumPy's unsigned numbers."""

    def mixed(x):
        x = np.asarray(x, np.uint32)
        with np.errstate(over="ignore"):
            x = (x ^ x >> 16) * np.uint32(0x7FEB352D)
            x = (x ^ x >> 15) * np.uint32(0x846CA68B)
        return x ^ x >> 16

    stride = 2**32 - 1640531527
    key = mixed(mixed([(step + 1) * stride % 2**32]) ^ np.uint32(seed % (2**32 - 5) + 2**31))
    counters = np.array([i * stride % 2**32 for i in range(dim * count)], np.uint32)
    uniform = [
        ((mixed(counters ^ k) >> 9) + 0.5) / 2**23
        for k in (key, mixed([(int(key[0]) + 1) % 2**32]))
    ]
    normal = np.sqrt(-2 * np.log(uniform[0])) * np.cos(2 * np.pi * uniform[1])
    normal = normal.reshape(dim, count)
    return normal / np.linalg.norm(normal, axis=0)


@pytest.mark.parametrize("seed, step", [(0, 0), (1, 5), (2**31 - 7, 2**20)])
def test_value(seed, step):
    np.testing.assert_allclose(
        drawn(5, 7, seed, step), reference(5, 7, seed, step), rtol=1e-4, atol=1e-5
    )


def test_the_same_numbers_on_every_backend_and_in_every_version():
    """Written down on TensorFlow; a training that is resumed needs them."""
    expected = [[-0.993819, 0.492323], [0.096373, 0.862], [-0.055096, -0.120723]]
    np.testing.assert_allclose(drawn(3, 2, seed=1, step=5), expected, atol=1e-5)


def test_unit_columns_spread_over_the_sphere():
    a = drawn(8, 4000)
    np.testing.assert_allclose(np.linalg.norm(a, axis=0), 1, rtol=1e-5)
    # Mean and second moment of the uniform distribution, to within five standard errors.
    assert np.abs(a.mean(axis=1)).max() < 5 / np.sqrt(8 * 4000)
    np.testing.assert_allclose(a @ a.T / 4000, np.eye(8) / 8, atol=5 * 0.17 / np.sqrt(4000))
    # The fourth moment tells a sphere from a cube.
    assert np.mean(a**4) == pytest.approx(3 / (8 * 10), rel=0.05)


def test_neighbouring_columns_are_independent():
    a = drawn(16, 2000)
    cosines = np.sum(a[:, 1:] * a[:, :-1], axis=0)
    assert abs(cosines.mean()) < 5 * 0.25 / np.sqrt(2000)
    assert cosines.std() == pytest.approx(0.25, rel=0.1)


def test_other_seeds_and_steps_give_other_directions():
    given = [drawn(4, 50, seed, step) for seed in (0, 1, -7, 2**40) for step in (0, 1, 2, 10**6)]
    for i, one in enumerate(given):
        for other in given[:i]:
            assert abs(np.mean(np.sum(one * other, axis=0))) < 5 * 0.5 / np.sqrt(50)


def test_the_same_seed_and_step_give_the_same():
    np.testing.assert_array_equal(drawn(4, 5, 3, 17), drawn(4, 5, 3, 17))
