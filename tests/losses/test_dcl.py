import math

import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.gradient_checks import check_loss, rotation, unit_rows

dcl = kcs.losses.dcl


def reference(z1, z2, temperature, sigma=None):
    """One embedding at a time: its positive, and the embeddings of all other samples."""
    views = unit_rows(z1), unit_rows(z2)
    forces = [math.exp(a @ b / sigma) if sigma else 1 for a, b in zip(*views, strict=True)]
    terms = []
    for view, other in (views, views[::-1]):
        for i in range(len(view)):
            negatives = [z[j] for z in views for j in range(len(view)) if j != i]
            logits = np.array([view[i] @ z for z in negatives]) / temperature
            repulsion = logits.max() + np.log(np.sum(np.exp(logits - logits.max())))
            weight = 2 - forces[i] / np.mean(forces)
            terms.append(repulsion - weight * (view[i] @ other[i]) / temperature)
    return np.mean(terms)


@pytest.mark.parametrize("temperature", [0.05, 0.5, 10.0])
def test_value_and_gradient(rng, temperature):
    check_loss(
        lambda a, b: dcl(a, b, temperature),
        lambda a, b: reference(a, b, temperature),
        rng.standard_normal((4, 5)),
        rng.standard_normal((4, 5)),
        atol=5e-5,
    )


@pytest.mark.parametrize("sigma", [0.2, 0.5])
def test_weighted(rng, sigma):
    check_loss(
        lambda a, b: dcl(a, b, 0.2, positive_sigma=sigma),
        lambda a, b: reference(a, b, 0.2, sigma),
        *rng.standard_normal((2, 4, 5)),
        atol=5e-5,
    )


def test_weights_are_1_where_all_views_agree_alike(rng):
    """And for a large sigma, so that it is the unweighted loss."""
    z1, z2 = rng.standard_normal((2, 4, 5)).astype("float32")
    np.testing.assert_allclose(dcl(z1, z1, positive_sigma=0.5), dcl(z1, z1), rtol=1e-5)
    np.testing.assert_allclose(dcl(z1, z2, positive_sigma=1e5), dcl(z1, z2), rtol=1e-3)


def test_identity():
    """Two orthogonal samples: the negatives' cosines are 0, the positives' 1."""
    eye = np.eye(2, dtype="float32")
    np.testing.assert_allclose(dcl(eye, eye, 0.5), -1.306853, atol=1e-5)
    np.testing.assert_allclose(dcl(eye, eye, 0.5), math.log(2) - 2, rtol=1e-5)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_coinciding_embeddings(temperature):
    z = np.ones((4, 3), "float32")
    # The cosines cancel between terms of size 1 / temperature.
    np.testing.assert_allclose(dcl(z, z, temperature), 1.791759, atol=1e-5)


def test_it_is_nt_xent_without_the_positive(rng):
    """exp of the two losses, term by term, differ by the positive's own part: 1."""
    z1, z2 = rng.standard_normal((2, 2, 3)).astype("float32")
    # With the views of both samples exchanged for one another all terms are alike.
    z1[1], z2[1] = -z1[0], -z2[0]
    with_positive, without = kcs.losses.nt_xent(z1, z2, 0.5), dcl(z1, z2, 0.5)
    np.testing.assert_allclose(math.exp(with_positive), 1 + math.exp(without), rtol=1e-5)


def test_invariances(rng):
    z1, z2 = rng.standard_normal((2, 6, 4)).astype("float32")
    value = dcl(z1, z2, 0.2)
    order, turn = rng.permutation(6), rotation(4).astype("float32")
    for other in ((z2, z1), (z1[order], z2[order]), (z1 @ turn, z2 @ turn), (3 * z1, z2 / 7)):
        np.testing.assert_allclose(dcl(*other, 0.2), value, rtol=1e-5)


def test_high_temperature_is_the_center(rng):
    """`tau (L - log(2B - 2)) -> U - A`: the squared centre, unbiased, and the views' agreement."""
    z1, z2 = unit_rows(rng.standard_normal((2, 64, 4)) + 0.3)
    n, tau = 64, 100.0
    total = z1.sum(0) + z2.sum(0)
    # All cosines but those within a sample.
    within = 2 * n + 2 * np.sum(z1 * z2)
    unbiased = (total @ total - within) / (2 * n * (2 * n - 2))
    limit = unbiased - np.mean(np.sum(z1 * z2, axis=-1))
    value = tau * (float(dcl(z1, z2, tau)) - math.log(2 * n - 2))
    np.testing.assert_allclose(value, limit, atol=0.01)


def test_bad_input_is_explained():
    z = np.ones((4, 3), "float32")
    with pytest.raises(kcs.InputError, match="above 0; received 0"):
        dcl(z, z, 0)
    with pytest.raises(kcs.InputError, match="positive_sigma` must be above 0, or None"):
        dcl(z, z, positive_sigma=0)
    with pytest.raises(kcs.InputError, match="shape"):
        dcl(z, z[:2])
    with pytest.raises(kcs.InputError, match="at least 2"):
        dcl(z[:1], z[:1])
