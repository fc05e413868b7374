import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.method_checks import build, check_round_trip, check_trains, digits_views

SMALL = dict(hidden_dim=32, output_dim=16)


@pytest.mark.slow  # test_jax.py trains five steps of every method
def test_trains_without_collapse():
    check_trains(build(kcs.methods.DCL, **SMALL))


@pytest.mark.slow  # test_jax.py saves and loads every method, too
def test_round_trip(tmp_path):
    model = build(kcs.methods.DCL, temperature=0.3, positive_sigma=0.5, batch_norm=True, **SMALL)
    loaded = check_round_trip(model, tmp_path / "model.keras")
    assert loaded.temperature == 0.3 and loaded.batch_norm and loaded.positive_sigma == 0.5


@pytest.mark.parametrize("sigma", [None, 0.5])
def test_its_loss_is_that_of_its_projections(sigma):
    model = build(kcs.methods.DCL, positive_sigma=sigma, **SMALL)
    (views,) = next(iter(digits_views(steps=1)))[:1]
    loss, embeddings = model.branches(views, training=False)
    z1, z2 = embeddings["projection"]
    np.testing.assert_allclose(loss, kcs.losses.dcl(z1, z2, 0.1, positive_sigma=sigma), rtol=1e-5)


@pytest.mark.parametrize(
    "temperature, verdict, causes",
    [
        (0.1, "complete_collapse", 0),
        (1.0, "dimensional_collapse", 1),
        (0.01, "complete_collapse", 1),
        (0.01, "dimensional_collapse", 0),
    ],
)
def test_what_usually_collapses_it(temperature, verdict, causes):
    model = build(kcs.methods.DCL, temperature=temperature, **SMALL)
    assert sum("temperature=" in text for text in model.collapse_causes(verdict)) == causes
