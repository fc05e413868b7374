import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.method_checks import build, check_round_trip, check_trains, digits_views

SMALL = dict(hidden_dim=32, output_dim=16)


def test_trains_without_collapse():
    """Healthy by its variance; the centre's length is free, and so not a sign of collapse."""
    model = build(kcs.methods.VICReg, keras.optimizers.SGD(0.01, momentum=0.9), **SMALL)
    history = check_trains(model, healthy=False)
    assert history["effective_rank"][-1] > 3, history["effective_rank"]
    assert history["between_variance"][-1] > 0.05, history["between_variance"]


@pytest.mark.slow
def test_without_variance_it_collapses():
    """The invariance term alone shrinks every dimension's deviation; the variance term holds it."""
    deviations = {}
    for weight in (0.0, 25.0):
        model = build(
            kcs.methods.VICReg,
            keras.optimizers.SGD(0.01, momentum=0.9),
            variance_weight=weight,
            covariance_weight=0.0,
            **SMALL,
        )
        dataset = digits_views()
        model.fit(dataset, epochs=2, verbose=0)
        (view, _), *_ = next(iter(dataset))
        z = np.asarray(model.projector(model.encoder(view, training=True), training=True))
        deviations[weight] = z.std(axis=0).mean()
    assert deviations[0.0] < 0.3 < 0.7 < deviations[25.0], deviations


@pytest.mark.slow  # test_jax.py saves and loads every method, too
def test_round_trip(tmp_path):
    model = build(
        kcs.methods.VICReg,
        keras.optimizers.SGD(0.01, momentum=0.9),
        covariance_weight=2.0,
        **SMALL,
    )
    loaded = check_round_trip(model, tmp_path / "model.keras")
    assert loaded.covariance_weight == 2.0
