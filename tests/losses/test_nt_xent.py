import importlib
import math

import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.gradient_checks import check_loss, rotation, unit_rows

nt_xent = kcs.losses.nt_xent


def reference(z1, z2, temperature):
    """One cross-entropy at a time, each over all embeddings but the one itself."""
    z = unit_rows(np.concatenate([z1, z2]))
    n = len(z1)
    terms = []
    for i in range(2 * n):
        others = [j for j in range(2 * n) if j != i]
        logits = np.array([z[i] @ z[j] for j in others]) / temperature
        positive = z[i] @ z[(i + n) % (2 * n)] / temperature
        terms.append(logits.max() + np.log(np.sum(np.exp(logits - logits.max()))) - positive)
    return np.mean(terms)


@pytest.mark.parametrize("temperature", [0.05, 0.5, 10.0])
def test_value_and_gradient(rng, temperature):
    check_loss(
        lambda a, b: nt_xent(a, b, temperature),
        lambda a, b: reference(a, b, temperature),
        rng.standard_normal((4, 5)),
        rng.standard_normal((4, 5)),
        atol=5e-5,
    )


@pytest.mark.parametrize("chunk", [3, 4, 16])
def test_a_large_batch_has_the_same_value_and_gradient(rng, monkeypatch, chunk):
    module = importlib.import_module("keras_center_ssl.losses.nt_xent")
    monkeypatch.setattr(module, "LARGE_BATCH", 4)
    monkeypatch.setattr(module, "_CHUNK", chunk)
    check_loss(
        lambda a, b: 3.0 * nt_xent(a, b, 0.2),
        lambda a, b: 3.0 * reference(a, b, 0.2),
        rng.standard_normal((4, 5)),
        rng.standard_normal((4, 5)),
        atol=2e-4,
    )


def test_coinciding_embeddings_are_guessed():
    z = np.ones((6, 3), "float32")
    np.testing.assert_allclose(nt_xent(z, z, 0.1), math.log(11), rtol=1e-5)


def test_perfect_match_of_orthogonal_samples():
    eye = np.eye(4, dtype="float32")
    expected = math.log(math.exp(2) + 6) - 2
    np.testing.assert_allclose(nt_xent(eye, eye, 0.5), expected, rtol=1e-5)
    # At a low temperature nothing is left to lose.
    np.testing.assert_allclose(nt_xent(eye, eye, 0.02), 0, atol=1e-5)


def test_orthogonal_views():
    eye = np.eye(8, dtype="float32")
    np.testing.assert_allclose(nt_xent(eye[:4], eye[4:]), math.log(7), rtol=1e-5)


def test_invariances(rng):
    z1, z2 = rng.standard_normal((2, 6, 4)).astype("float32")
    value = nt_xent(z1, z2, 0.2)
    order, turn = rng.permutation(6), rotation(4).astype("float32")
    for other in ((z2, z1), (z1[order], z2[order]), (z1 @ turn, z2 @ turn), (3 * z1, z2 / 7)):
        np.testing.assert_allclose(nt_xent(*other, 0.2), value, rtol=1e-5)


def test_high_temperature_is_the_center(rng):
    """`tau L = -A + ||s||^2 + const` as tau grows (the simplified objective at lambda 1)."""
    z1, z2 = rng.standard_normal((2, 64, 4)).astype("float32") + 0.3
    points = [(z1, z2), (z1 + 1, z2 + 1), (z1, z1)]
    tau = 100.0
    pairs = 2 * 64 - 1
    for a, b in points:
        n, agreement = 64, -float(kcs.losses.center(a, b, 0.0))
        squared = float(kcs.losses.center(a, b, 1.0)) + agreement
        # Mean cosine over the candidates: all pairs but an embedding with itself.
        candidates = (4 * n * n * squared - 2 * n) / (2 * n * pairs)
        contrast = tau * (float(nt_xent(a, b, tau)) - math.log(pairs))
        np.testing.assert_allclose(contrast, candidates - agreement, atol=0.01)


def test_bad_input_is_explained():
    z = np.ones((4, 3), "float32")
    with pytest.raises(kcs.InputError, match="temperature above 0; received 0"):
        nt_xent(z, z, 0)
    with pytest.raises(kcs.InputError, match="shape"):
        nt_xent(z, z[:2])
    with pytest.raises(kcs.InputError, match="at least 2"):
        nt_xent(z[:1], z[:1])
