import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from keras_center_ssl.methods.directions import unit_directions
from tests.helpers.method_checks import (
    build,
    check_round_trip,
    check_trains,
    digits_views,
    small_encoder,
)

SMALL = dict(hidden_dim=32, output_dim=16, num_directions=64)


def batch(*sizes):
    """Views of 16 made-up images, of these sizes."""
    rng = np.random.default_rng(0)
    return tuple(rng.random((16, size, size, 1), "float32") for size in sizes)


def deviation(model):
    """Mean deviation of the embeddings' dimensions over a batch."""
    (view, _), *_ = next(iter(digits_views()))
    z = model.projector(model.encoder(view, training=True), training=True)
    return np.asarray(z).std(axis=0).mean()


def test_trains_without_collapse():
    model = build(kcs.methods.LeJEPA, keras.optimizers.Adam(3e-3), **SMALL)
    history = check_trains(model)
    assert history["effective_rank"][-1] > 3
    assert deviation(model) > 0.7


def test_without_sigreg_it_shrinks():
    """The invariance alone draws all embeddings together; SIGReg keeps a deviation of 1."""
    model = build(kcs.methods.LeJEPA, keras.optimizers.Adam(3e-3), sigreg_weight=0.0, **SMALL)
    model.fit(digits_views(), epochs=3, verbose=0)
    assert deviation(model) < 0.35


@pytest.mark.slow  # test_jax.py saves and loads every method, too
def test_round_trip(tmp_path):
    model = kcs.methods.LeJEPA(small_encoder(), sigreg_weight=0.1, seed=3, **SMALL)
    model.compile(keras.optimizers.Adam(3e-3))
    loaded = check_round_trip(model, tmp_path / "model.keras")
    assert loaded.sigreg_weight == 0.1 and loaded.seed == 3


def test_its_loss_is_of_all_views_and_of_directions_of_the_step():
    keras.utils.set_random_seed(0)
    encoder = kcs.encoders.resnet_small((12, 12, 1), width=4)
    model = kcs.methods.LeJEPA(encoder, seed=5, **SMALL)
    views = batch(12, 12, 8)
    z = [
        model.projector(kcs.encoders.encode(model.encoder, v, training=True), training=True)
        for v in views
    ]
    for step in (0.0, 7.0):
        model.clock.step.assign(step)
        loss, embeddings = model.branches(views, training=True)
        expected = kcs.losses.lejepa(z, unit_directions(16, 64, 5, step), 2, 0.05)
        assert float(loss) == pytest.approx(float(expected), rel=1e-4)
        assert len(embeddings["projection"]) == 2


def test_every_step_has_its_own_directions():
    model = build(kcs.methods.LeJEPA, keras.optimizers.SGD(0.0), **SMALL)
    model.run_eagerly = True
    (views,) = next(iter(digits_views(steps=1)))[:1]
    losses = []
    for _ in range(2):
        losses.append(model.train_on_batch(views, return_dict=True)["loss"])
        model.reset_metrics()
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.2)
    held_out = [model.test_on_batch(views, return_dict=True)["loss"] for _ in range(2)]
    assert held_out[0] == pytest.approx(held_out[1], rel=1e-6)


def test_local_crops_of_another_size_train_a_resnet():
    model = kcs.methods.LeJEPA(kcs.encoders.resnet_small((12, 12, 1), width=4), **SMALL)
    model.compile("adam")
    model.run_eagerly = True
    before = np.array(model.encoder.trainable_variables[0])
    logs = model.train_on_batch(batch(12, 12, 8, 8), return_dict=True)
    assert np.isfinite(list(logs.values())).all()
    assert not np.array_equal(model.encoder.trainable_variables[0], before)


@pytest.mark.parametrize(
    "arguments, count",
    [
        ({}, 0),
        ({"sigreg_weight": 0.0}, 1),
        ({"sigreg_weight": 0.001}, 1),
        ({"num_directions": 4}, 1),
    ],
)
def test_what_usually_collapses_it(arguments, count):
    model = build(kcs.methods.LeJEPA, **{**SMALL, **arguments})
    causes = model.collapse_causes("complete_collapse")
    assert len(causes) == count
    assert all("Published" in text for text in causes)


def test_bad_arguments_are_named():
    for name, value in (("sigreg_weight", 2), ("num_directions", 0)):
        with pytest.raises(kcs.InputError, match=f"{name} .* received {value}"):
            build(kcs.methods.LeJEPA, **{**SMALL, name: value})
