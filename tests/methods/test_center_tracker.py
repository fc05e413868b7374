"""The tracker is held to `kcs.geometry`, and to cases with a known answer."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_center_ssl as kcs


def views(rng, n=96, d=12, offset=0.5, noise=0.3):
    sample = rng.standard_normal((n, d)) + offset
    return [(sample + noise * rng.standard_normal((n, d))).astype("float32") for _ in range(2)]


def reference(z1, z2):
    norm_std = kcs.geometry.normalized_std(np.concatenate([z1, z2]))
    return {
        "center_norm": max(0.0, kcs.geometry.center_norm_squared(z1, z2)) ** 0.5,
        "positive_cosine": kcs.geometry.positive_cosine(z1, z2),
        "between_variance": kcs.geometry.between_variance(z1, z2),
        "normalized_std": norm_std,
        "effective_rank": kcs.geometry.effective_rank(z1),
        "participation_ratio": kcs.geometry.participation_ratio(z1),
    }


def close(figures, expected, **tolerance):
    assert set(figures) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(figures[name], value, err_msg=name, **tolerance)


@pytest.mark.parametrize("batches", [1, 2, 8])
def test_figures_are_those_of_geometry_on_all_embeddings(rng, batches):
    z1, z2 = views(rng)
    tracker = kcs.CenterTracker(12, covariance_every=1)
    for part1, part2 in zip(np.split(z1, batches), np.split(z2, batches), strict=True):
        tracker.update_state(part1, part2)
    close(tracker.figures(), reference(z1, z2), rtol=1e-4, atol=1e-5)
    unit = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in (z1, z2)]
    np.testing.assert_allclose(tracker.center, np.concatenate(unit).mean(0), atol=1e-5)


def test_within_steps_equals_geometry_for_one_step(rng):
    z1, z2 = views(rng)
    tracker = kcs.CenterTracker(12, within_steps=True, covariance_every=1)
    tracker.update_state(z1, z2)
    close(tracker.figures(), reference(z1, z2), rtol=1e-4, atol=1e-5)


def test_a_collapsed_centre_that_flips_is_seen_within_steps_only(rng):
    direction = rng.standard_normal(12)
    pooled, within = (
        kcs.CenterTracker(12, within_steps=w, covariance_every=1) for w in (False, True)
    )
    for sign in (1, -1, 1, -1):
        z = (np.tile(sign * direction, (32, 1)) + 1e-3 * rng.standard_normal((32, 12))).astype("f")
        for tracker in (pooled, within):
            tracker.update_state(z, z)
    assert pooled.figures()["center_norm"] < 0.01
    assert within.figures()["center_norm"] > 0.999
    assert within.figures()["normalized_std"] < 0.01 < 0.5 < pooled.figures()["normalized_std"]


def test_within_steps_is_unbiased_whatever_the_batch_size(rng):
    d, trials = 8, 1200
    shift = np.zeros(d)
    shift[0] = 1.0
    squares = {}
    for size in (4, 32):
        tracker = kcs.CenterTracker(d, within_steps=True, covariance_every=None)
        for _ in range(trials // size):
            z = (rng.standard_normal((size, d)) + shift).astype("float32")
            tracker.update_state(z, z)
        squares[size] = float(tracker.result()["center_norm"]) ** 2
    samples = rng.standard_normal((200_000, d)) + shift
    truth = np.sum((samples / np.linalg.norm(samples, axis=1, keepdims=True)).mean(0) ** 2)
    # Four standard errors; the squared length of a batch's mean is (1 - truth) / size too large.
    for size, error in ((4, 0.035), (32, 0.025)):
        assert abs(squares[size] - truth) < error < (1 - truth) / size, (size, squares, truth)


@pytest.mark.parametrize("within_steps", [False, True])
def test_known_answers(within_steps):
    same = np.tile(np.eye(8, dtype="float32")[:1], (16, 1))
    tracker = kcs.CenterTracker(8, within_steps=within_steps, covariance_every=1)
    tracker.update_state(same, same)
    figures = tracker.figures()
    assert figures["center_norm"] == pytest.approx(1, abs=1e-5)
    assert figures["between_variance"] == pytest.approx(0, abs=1e-5)
    assert figures["normalized_std"] == pytest.approx(0, abs=1e-3)
    assert (figures["effective_rank"], figures["participation_ratio"]) == (1.0, 0.0)

    tracker.reset_state()
    basis = np.concatenate([np.eye(8), -np.eye(8)]).astype("float32")
    tracker.update_state(basis, basis)
    figures = tracker.figures()
    assert figures["center_norm"] == 0
    assert figures["positive_cosine"] == pytest.approx(1, rel=1e-5)
    assert figures["participation_ratio"] == pytest.approx(8, rel=1e-5)
    assert figures["effective_rank"] == pytest.approx(8, rel=1e-5)
    assert figures["normalized_std"] == pytest.approx(1, rel=1e-5)


@pytest.fixture(params=["short", "exact", "long", "uneven"])
def processor(request, monkeypatch, rng):
    """Processors differ in the last bit of a unit vector: .99999988 on some."""
    exact = ops.normalize

    def normalize(x, **options):
        units = {"short": -1, "exact": 0, "long": 1}.get(request.param)
        if units is None:
            units = rng.integers(-1, 2, (x.shape[0], 1))
        return exact(x, **options) * np.asarray(1 + units * 2.0**-23, "float32")

    monkeypatch.setattr(ops, "normalize", normalize)


@pytest.mark.parametrize("within_steps", [False, True])
@pytest.mark.parametrize("batch", [16, 1030])
def test_one_point_has_no_rank_on_any_processor(rng, processor, within_steps, batch):
    tracker = kcs.CenterTracker(24, within_steps=within_steps, covariance_every=1)
    point = np.tile(rng.standard_normal(24), (batch, 1)).astype("float32")
    for _ in range(5):
        tracker.update_state(point, point)
    assert tracker.ranks() == {"effective_rank": 1.0, "participation_ratio": 0.0}
    # In a window behind a healthy time the sums are large, and what they round off with them.
    tracker.reset_state()
    for _ in range(5):
        tracker.update_state(*views(rng, n=batch, d=24))
    before = tracker.snapshot()
    for _ in range(2):
        tracker.update_state(point, point)
    window = tracker.snapshot().since(before)
    assert tracker.ranks(window) == {"effective_rank": 1.0, "participation_ratio": 0.0}


@pytest.mark.parametrize("within_steps", [False, True])
def test_a_small_spread_has_its_rank_on_any_processor(rng, processor, within_steps):
    tracker = kcs.CenterTracker(24, within_steps=within_steps, covariance_every=1)
    point = rng.standard_normal(24) * 5
    z = (point + 5e-3 * rng.standard_normal((256, 24))).astype("float32")
    tracker.update_state(z, z)
    assert np.trace(tracker.covariance()) < 3e-5
    for name, value in tracker.ranks().items():
        assert value == pytest.approx(getattr(kcs.geometry, name)(z), rel=1e-3), name


def test_ema_centre_is_a_moving_average_without_the_bias_of_its_start(rng):
    tracker = kcs.CenterTracker(6, momentum=0.8)
    centres, weights = [], []
    for step in range(5):
        z = rng.standard_normal((10, 6)).astype("float32")
        tracker.update_state(z, z)
        centres.append((z / np.linalg.norm(z, axis=1, keepdims=True)).mean(0))
        weights = [0.2 * 0.8 ** (step - i) for i in range(step + 1)]
        expected = np.average(centres, axis=0, weights=weights)
        np.testing.assert_allclose(tracker.ema_center, expected, atol=1e-5)
    tracker.reset_state()
    np.testing.assert_allclose(tracker.ema_center, expected, atol=1e-5)
    assert tracker.figures()["positive_cosine"] == 0


def test_covariance_is_left_out_where_it_would_be_too_large(rng):
    assert kcs.CenterTracker(4096).ranks() == {}
    tracker = kcs.CenterTracker(8, covariance_every=None)
    tracker.update_state(*views(rng, d=8))
    assert set(tracker.figures()) == {
        "center_norm",
        "positive_cosine",
        "between_variance",
        "normalized_std",
    }


def test_config_round_trip():
    tracker = kcs.CenterTracker(8, within_steps=True, covariance_every=2, momentum=0.5)
    config = keras.saving.serialize_keras_object(tracker)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == tracker.get_config()


@pytest.mark.parametrize("within_steps", [False, True])
def test_snapshots_give_the_figures_of_the_steps_between(rng, within_steps):
    tracker, fresh = (
        kcs.CenterTracker(8, within_steps=within_steps, covariance_every=2) for _ in range(2)
    )
    for _ in range(3):
        tracker.update_state(*views(rng, d=8))
    before = tracker.snapshot()
    assert before.count == 288 and before.covariance_count == 144
    for _ in range(2):
        pair = views(rng, d=8, offset=0.1)
        tracker.update_state(*pair)
        fresh.update_state(*pair)
    window = tracker.snapshot().since(before)
    close(tracker.figures(window), fresh.figures(), rtol=1e-4, atol=1e-4)
    assert before.count == 288
    tracker.reset_state()
    tracker.update_state(*pair)
    # A snapshot from before a reset is void.
    assert tracker.snapshot().since(before).count == 96


def test_zero_vectors_are_counted(rng):
    z1, z2 = views(rng, d=8)
    z1[:24] = 0
    tracker = kcs.CenterTracker(8)
    tracker.update_state(z1, z2)
    assert tracker.snapshot().zero_share == pytest.approx(24 / 192, abs=1e-5)
