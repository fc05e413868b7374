import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.method_checks import build, check_round_trip, check_trains, digits_views

SMALL = dict(hidden_dim=32, output_dim=16)


@pytest.mark.slow  # test_jax.py trains five steps of every method
@pytest.mark.parametrize("margin", [1.0, None])
def test_trains_without_collapse(margin):
    check_trains(build(kcs.methods.Triplet, margin=margin, **SMALL))


@pytest.mark.slow  # test_jax.py saves and loads every method, too
def test_round_trip(tmp_path):
    model = build(kcs.methods.Triplet, margin=None, batch_norm=True, **SMALL)
    loaded = check_round_trip(model, tmp_path / "model.keras")
    assert loaded.margin is None and loaded.batch_norm


def test_without_hinge_it_trains_as_the_simplified_objective():
    """The same losses, step by step, as CenterSSL at lambda 1."""
    triplet = build(kcs.methods.Triplet, margin=None, **SMALL)
    center = build(
        kcs.methods.CenterSSL,
        center="cross_view",
        unbiased=True,
        decorrelation_weight=0.0,
        **SMALL,
    )
    for model in (triplet, center):
        model.compile(model.optimizer, run_eagerly=True)
    for batch in digits_views(steps=3):
        losses = [m.train_on_batch(batch[0], return_dict=True)["loss"] for m in (triplet, center)]
        np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4, atol=1e-5)
