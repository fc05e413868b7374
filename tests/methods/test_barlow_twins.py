import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.method_checks import build, check_round_trip, check_trains, digits_views

SMALL = dict(hidden_dim=32, output_dim=16)


def test_trains_without_collapse():
    """Not even without the redundancy term, since batch norm is left; that term adds rank."""
    ranks = {}
    for weight in (0.0, 0.1):
        model = build(kcs.methods.BarlowTwins, redundancy_weight=weight, loss_scale=0.1, **SMALL)
        ranks[weight] = check_trains(model)["effective_rank"][-1]
    assert ranks[0.1] > ranks[0.0], ranks


def test_without_batch_norm_there_is_none():
    model = build(kcs.methods.BarlowTwins, batch_norm=False, loss_scale=0.01, **SMALL)
    kinds = {type(layer) for layer in model.projector.layers}
    assert not any(issubclass(kind, keras.layers.BatchNormalization) for kind in kinds)
    views = next(iter(digits_views()))[0]
    z1, z2 = (model.projector(model.encoder(view)) for view in views)
    np.testing.assert_allclose(
        model.objective(views, training=False)[0],
        0.01 * kcs.losses.barlow_twins(z1, z2, standardize=False),
        rtol=1e-5,
    )


def test_loss_scale_scales_the_loss():
    views = next(iter(digits_views()))[0]
    one, tenth = (
        build(kcs.methods.BarlowTwins, loss_scale=scale, **SMALL).objective(views, True)[0]
        for scale in (1.0, 0.1)
    )
    np.testing.assert_allclose(tenth, one / 10, rtol=1e-5)


@pytest.mark.slow  # test_jax.py saves and loads every method, too
def test_round_trip(tmp_path):
    model = build(kcs.methods.BarlowTwins, redundancy_weight=0.0, loss_scale=0.1, **SMALL)
    loaded = check_round_trip(model, tmp_path / "model.keras")
    assert loaded.redundancy_weight == 0.0 and loaded.loss_scale == 0.1
