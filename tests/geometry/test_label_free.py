"""Published label-free figures on cases with a known answer."""

import numpy as np
import pytest

from keras_center_ssl import geometry
from keras_center_ssl.errors import InputError


def with_spectrum(rng, values, n=4000):
    """`n` samples whose covariance has exactly these eigenvalues, in random directions."""
    d = len(values)
    z = rng.normal(size=(n, d))
    z -= z.mean(axis=0)
    z = np.linalg.qr(z)[0] * np.sqrt(n) * np.sqrt(values)
    return z @ np.linalg.qr(rng.normal(size=(d, d)))[0] + rng.normal(size=d)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5])
def test_alpha_req_of_a_power_law_is_its_exponent(rng, exponent):
    values = np.arange(1.0, 129) ** -exponent
    assert geometry.alpha_req(with_spectrum(rng, values)) == pytest.approx(exponent, rel=1e-6)
    assert geometry.alpha_req_of(values) == pytest.approx(exponent, rel=1e-9)


def test_alpha_req_looks_at_ranks_6_to_100_only():
    values = np.arange(1.0, 301) ** -1.0
    bent = values.copy()
    bent[:5] *= 100.0
    bent[100:] *= 1e-3
    assert geometry.alpha_req_of(bent) == pytest.approx(geometry.alpha_req_of(values))


def test_nesum(rng):
    assert geometry.nesum(with_spectrum(rng, np.array([4.0, 2.0, 1.0, 1.0]))) == pytest.approx(2.0)
    assert geometry.nesum(with_spectrum(rng, np.ones(7))) == pytest.approx(7.0)
    assert geometry.nesum(np.ones((5, 3))) == 0.0


def test_self_cluster_is_0_for_even_spread_and_1_for_one_point(rng):
    assert geometry.self_cluster(rng.normal(size=(3000, 32))) == pytest.approx(0.0, abs=2e-3)
    assert geometry.self_cluster(np.ones((50, 8))) == pytest.approx(1.0)
    # The definition, with all pairs.
    z = rng.normal(size=(40, 6)) + 1.0
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    n, d = z.shape
    expected = n + n * (n - 1) / d
    want = (np.sum((unit @ unit.T) ** 2) - expected) / (n**2 - expected)
    assert geometry.self_cluster(z) == pytest.approx(want)


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_two_nn_finds_the_dimension_of_a_cube(rng, dimension):
    points = rng.random((4000, dimension))
    embedded = points @ np.linalg.qr(rng.normal(size=(20, dimension)))[0].T + 3.0
    # The edges of the cube and the sample cost a few percent.
    assert geometry.two_nn(embedded) == pytest.approx(dimension, rel=0.12)


def test_two_nn_is_its_definition_and_passes_over_duplicates(rng):
    z = rng.normal(size=(300, 4))
    distances = np.sort(np.linalg.norm(z[:, None] - z[None], axis=-1), axis=1)
    want = (len(z) - 1) / np.sum(np.log(distances[:, 2] / distances[:, 1]))
    assert geometry.two_nn(z) == pytest.approx(want)
    assert np.isfinite(geometry.two_nn(np.concatenate([z, z[:50]])))
    with pytest.raises(InputError, match="duplicates"):
        geometry.two_nn(np.ones((10, 3)))


def test_lidar_counts_directions_that_tell_images_apart(rng):
    # Eight directions differ between images; the views differ in all 16 a little.
    images = np.zeros((5000, 16))
    images[:, :8] = rng.normal(size=(5000, 8))
    views = [images + 0.1 * rng.normal(size=images.shape) for _ in range(2)]
    # The other eight have the noise of a mean of two views: .5 of 100.5 + ... in units of W.
    assert geometry.lidar(*views) == pytest.approx(8.0, rel=0.1)
    # Views that are alike in nothing: every direction tells as little as the others.
    assert geometry.lidar(*rng.normal(size=(2, 5000, 16))) == pytest.approx(16.0, rel=0.02)


def test_lidar_is_its_definition(rng):
    z = rng.normal(size=(3, 60, 5)) + 2 * rng.normal(size=(60, 5))
    means = z.mean(axis=0)
    between = np.cov(means.T)
    within = sum(np.outer(x, x) for x in (z - means).reshape(-1, 5)) / (60 * 2) + 1e-4 * np.eye(5)
    values = np.linalg.eigvals(np.linalg.solve(within, between)).real
    shares = values / values.sum() + 1e-8
    assert geometry.lidar(*z) == pytest.approx(np.exp(-np.sum(shares * np.log(shares))))


def test_refuses():
    with pytest.raises(InputError, match="two or more"):
        geometry.lidar(np.eye(3))
    with pytest.raises(InputError, match="shapes"):
        geometry.lidar(np.eye(3), np.eye(4))
    with pytest.raises(InputError, match="rank 6"):
        geometry.alpha_req(np.random.default_rng(0).normal(size=(50, 4)))
    for figure in (geometry.nesum, geometry.self_cluster, geometry.two_nn, geometry.alpha_req):
        with pytest.raises(InputError, match="NaN"):
            figure(np.full((9, 9), np.nan))
