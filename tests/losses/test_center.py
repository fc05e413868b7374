import numpy as np
import pytest

import keras_center_ssl as kcs
from keras_center_ssl.losses.center import _squared_second_moment
from tests.helpers.gradient_checks import check_loss, rotation, unit_rows

center = kcs.losses.center


def reference(z1, z2, center_weight=1.0, decorrelation_weight=0.0, cross_view=False, pairs=False):
    """The objective, its squared centre as a mean over pairs of embeddings, one pair at a time."""
    u1, u2 = unit_rows(z1), unit_rows(z2)
    n = len(u1)
    labelled = [(u1, i) for i in range(n)], [(u2, i) for i in range(n)]
    left, right = labelled if cross_view else (labelled[0] + labelled[1],) * 2
    cosines = [
        a[i] @ b[j]
        for a, i in left
        for b, j in right
        if not pairs or i != j  # of other samples
    ]
    z = np.concatenate([u1, u2])
    moment = z.T @ z / len(z)
    agreement = np.mean([a @ b for a, b in zip(u1, u2, strict=True)])
    return -agreement + center_weight * np.mean(cosines) + decorrelation_weight * np.sum(moment**2)


@pytest.fixture
def z(rng):
    return rng.standard_normal((5, 4)) + 0.3, rng.standard_normal((5, 4)) + 0.3


@pytest.mark.parametrize("cross_view", [False, True])
@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("weights", [(1.0, 0.0), (0.3, 2.0), (0.0, 0.0)])
def test_value_and_gradient(z, cross_view, unbiased, weights):
    check_loss(
        lambda a, b: center(a, b, *weights, cross_view=cross_view, unbiased=unbiased),
        lambda a, b: reference(a, b, *weights, cross_view, unbiased),
        *z,
    )


@pytest.mark.parametrize("shape", [(3, 5), (7, 5)])
def test_both_gram_routes_give_the_second_moment(rng, shape):
    z1, z2 = rng.standard_normal(shape), rng.standard_normal(shape)
    check_loss(lambda a, b: center(a, b, 1.0, 1.5), lambda a, b: reference(a, b, 1.0, 1.5), z1, z2)
    z = unit_rows(z1).astype("float32")
    expected = np.sum((z.T @ z / len(z)) ** 2)
    np.testing.assert_allclose(_squared_second_moment(z), expected, rtol=1e-5)


def test_gradient_of_a_reference_center(z, rng):
    """It is that of `||c||^2` where the reference is the batch's own centre."""
    own = np.concatenate([unit_rows(a) for a in z]).mean(0)

    def linear(a, b, reference_center):
        c = np.concatenate([unit_rows(a), unit_rows(b)]).mean(0)
        agreement = np.mean(np.sum(unit_rows(a) * unit_rows(b), axis=1))
        return -agreement + 0.7 * 2 * c @ reference_center

    for other in (own, rng.standard_normal(4)):
        check_loss(
            lambda a, b, c: center(a, b, 0.7, reference_center=c), linear, *z, other, constant=(2,)
        )
    # Where both agree, the gradient is the one of the squared centre itself.
    check_loss(
        lambda a, b: center(a, b, 0.7, reference_center=own) - 0.7 * own @ own,
        lambda a, b: reference(a, b, 0.7),
        *z,
    )


def test_known_cases():
    eye = np.eye(6, dtype="float32")
    # Perfect match, all samples orthogonal: ||c||^2 = 1/6, M = I/6.
    np.testing.assert_allclose(center(eye, eye, 1.0, 0.0), -1 + 1 / 6, rtol=1e-5)
    np.testing.assert_allclose(center(eye, eye, 0.0, 1.0), -1 + 1 / 6, rtol=1e-5)
    np.testing.assert_allclose(center(eye, eye, 1.0, unbiased=True), -1, atol=1e-5)
    # Collapsed to one point: centre and second moment are 1.
    point = np.ones((6, 3), "float32")
    np.testing.assert_allclose(center(point, point, 1.0, 0.0), 0, atol=1e-5)
    np.testing.assert_allclose(center(point, point, 1.0, 1.0), 1, rtol=1e-5)
    # Two antipodal halves: the minimum at weight 1, in one dimension.
    halves = np.array([[1, 0], [1, 0], [-1, 0], [-1, 0]], "float32")
    np.testing.assert_allclose(center(halves, halves, 1.0), -1, atol=1e-5)
    np.testing.assert_allclose(center(halves, halves, 1.0, 1.0), 0, atol=1e-5)


def test_second_moment_lies_between_one_over_d_and_one(rng):
    for rows, dim in [(50, 3), (3, 50)]:
        z = unit_rows(rng.standard_normal((rows, dim))).astype("float32")
        assert 1 / dim <= float(_squared_second_moment(z)) <= 1
    uniform = np.concatenate([np.eye(4), -np.eye(4)]).astype("float32")
    np.testing.assert_allclose(_squared_second_moment(uniform), 1 / 4, rtol=1e-5)


def test_invariances(z, rng):
    z1, z2 = (a.astype("float32") for a in z)
    for options in ({}, dict(cross_view=True), dict(unbiased=True)):
        value = center(z1, z2, 0.8, 0.5, **options)
        order, turn = rng.permutation(5), rotation(4).astype("float32")
        for other in ((z2, z1), (z1[order], z2[order]), (z1 @ turn, z2 @ turn), (3 * z1, z2 / 7)):
            np.testing.assert_allclose(center(*other, 0.8, 0.5, **options), value, rtol=1e-5)


@pytest.mark.parametrize("cross_view", [False, True])
def test_unbiased_does_not_depend_on_the_batch_size(cross_view):
    """Batches drawn from one population have the same expected loss at any size; biased ones
    do not."""
    rng = np.random.default_rng(1)
    s = np.array([0.6, 0.0, 0.0])

    def mean_squared_center(size, unbiased):
        z1 = rng.standard_normal((2048, 3)) + 2 * s
        z2 = z1 + 0.5 * rng.standard_normal(z1.shape)
        values = []
        for start in range(0, len(z1), size):
            a, b = (unit_rows(z[start : start + size]).astype("float32") for z in (z1, z2))
            loss = center(a, b, 1.0, cross_view=cross_view, unbiased=unbiased)
            values.append(float(loss) + np.mean(np.sum(a * b, axis=1)))
        return np.mean(values), np.std(values) / len(values) ** 0.5

    small, error_small = mean_squared_center(8, True)
    large, error_large = mean_squared_center(64, True)
    assert abs(small - large) < 4 * np.hypot(error_small, error_large)
    tilted, error_tilted = mean_squared_center(8, False)
    assert tilted - large > 4 * np.hypot(error_tilted, error_large)


def test_bad_input_is_explained():
    z = np.ones((4, 3), "float32")
    with pytest.raises(kcs.InputError, match=r"\(4, 3\) and \(4, 2\)"):
        center(z, z[:, :2])
    with pytest.raises(kcs.InputError, match="batch of at least 2"):
        center(z[:1], z[:1])
