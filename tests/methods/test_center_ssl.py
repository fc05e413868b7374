import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.method_checks import build, check_round_trip, check_trains, digits_views

SMALL = dict(hidden_dim=32, output_dim=16)


@pytest.mark.parametrize(
    "options",
    [
        dict(),
        pytest.param(dict(center="cross_view", unbiased=True), marks=pytest.mark.slow),
    ],
)
def test_trains_without_collapse(options):
    check_trains(build(kcs.methods.CenterSSL, **SMALL, **options))


@pytest.mark.slow
def test_trains_without_collapse_on_a_moving_average():
    """The average lags, and at first the embeddings run from it all together: it takes longer."""
    options = dict(center="ema", center_momentum=0.5, decorrelation_weight=0.5)
    check_trains(build(kcs.methods.CenterSSL, **SMALL, **options), epochs=8)


@pytest.mark.slow
def test_the_weight_of_the_centre_decides_on_collapse():
    """Theory: at weight 1 the centre becomes short, at 0 it grows to 1 (the other term off)."""
    norms, ranks = {}, {}
    for weight in (0.0, 1.0):
        model = build(
            kcs.methods.CenterSSL, center_weight=weight, decorrelation_weight=0.0, **SMALL
        )
        history = check_trains(model, healthy=False)
        norms[weight], ranks[weight] = history["center_norm"], history["between_variance"]
    assert norms[0.0][-1] > 0.98 and norms[0.0][-1] > norms[0.0][0]
    assert norms[1.0][-1] < 0.5
    assert ranks[0.0][-1] < 0.02 < 0.2 < ranks[1.0][-1]


def test_loss_is_the_objective_with_each_centre():
    views = next(iter(digits_views()))[0]
    for center in ("batch", "cross_view", "ema"):
        model = build(
            kcs.methods.CenterSSL, center=center, center_weight=0.7, unbiased=True, **SMALL
        )
        tracker = model.trackers["projection"]
        earlier = np.random.default_rng(0).standard_normal((2, 8, 16)).astype("float32")
        tracker.update_state(*earlier)
        loss, embeddings = model.objective(views, training=False)
        z1, z2 = embeddings["projection"]
        cross_view = center == "cross_view"
        reference = tracker.ema_center if center == "ema" else None
        expected = kcs.losses.center(
            z1, z2, 0.7, 1.0, cross_view=cross_view, unbiased=True, reference_center=reference
        )
        # Once, and not again as the penalty that `center_weight` adds to other methods.
        np.testing.assert_allclose(loss, expected, rtol=1e-5)
    assert np.abs(np.asarray(tracker.ema_center)).max() > 1e-3


def test_moving_average_of_the_centre_is_restored(tmp_path):
    model = build(kcs.methods.CenterSSL, center="ema", center_momentum=0.7, **SMALL)
    loaded = check_round_trip(model, tmp_path / "model.keras")
    trackers = [m.trackers["projection"] for m in (model, loaded)]
    assert [t.momentum for t in trackers] == [0.7, 0.7]
    centers = [np.asarray(t.ema_center) for t in trackers]
    np.testing.assert_allclose(*centers, atol=1e-5)
    assert np.linalg.norm(centers[0]) > 1e-3
    # It survives the start of an epoch, which empties the sums.
    loaded.reset_metrics()
    np.testing.assert_array_equal(np.asarray(trackers[1].ema_center), centers[1])


def test_bad_arguments_are_explained():
    encoder = kcs.encoders.resnet_small((8, 8, 1), width=4)
    with pytest.raises(kcs.InputError, match="Did you mean 'ema'"):
        kcs.methods.CenterSSL(encoder, center="emma")
    with pytest.raises(kcs.InputError, match="center_weight is 0 or more"):
        kcs.methods.CenterSSL(encoder, center_weight=-1.0)
