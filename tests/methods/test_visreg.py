import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from keras_center_ssl.methods.directions import unit_directions
from tests.helpers.method_checks import build, check_round_trip, check_trains, digits_views

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
    model = build(kcs.methods.VISReg, keras.optimizers.Adam(3e-3), **SMALL)
    history = check_trains(model)
    assert history["effective_rank"][-1] > 3
    assert deviation(model) > 0.7


def test_without_its_regularisers_it_shrinks():
    """The invariance alone draws all embeddings together."""
    model = build(kcs.methods.VISReg, keras.optimizers.Adam(3e-3), weight=0.0, **SMALL)
    model.fit(digits_views(), epochs=3, verbose=0)
    assert deviation(model) < 0.35


@pytest.mark.slow  # test_jax.py saves and loads every method, too
def test_round_trip(tmp_path):
    model = build(
        kcs.methods.VISReg,
        keras.optimizers.Adam(3e-3),
        center_weight=0.5,
        shape_weight=2.0,
        **SMALL,
    )
    loaded = check_round_trip(model, tmp_path / "model.keras")
    assert loaded.center_weight == 0.5 and loaded.shape_weight == 2.0


def test_its_loss_is_of_all_views_and_of_directions_of_the_step():
    keras.utils.set_random_seed(0)
    encoder = kcs.encoders.resnet_small((12, 12, 1), width=4)
    weights = dict(weight=0.6, scale_weight=2.0, shape_weight=0.5, center_weight=0.3)
    model = kcs.methods.VISReg(encoder, seed=5, **weights, **SMALL)
    views = batch(12, 12, 8)
    z = [
        model.projector(kcs.encoders.encode(model.encoder, v, training=True), training=True)
        for v in views
    ]
    for step in (0.0, 7.0):
        model.clock.step.assign(step)
        loss, embeddings = model.branches(views, training=True)
        expected = kcs.losses.visreg(z, unit_directions(16, 64, 5, step), 2, **weights)
        assert float(loss) == pytest.approx(float(expected), rel=1e-4)
        assert len(embeddings["projection"]) == 2


def test_the_centre_has_one_weight():
    """That of the loss's own term: the penalty of other methods is not added to it."""
    views = batch(8, 8)
    losses = {}
    for weight in (0.0, 1.0):
        model = build(kcs.methods.VISReg, center_weight=weight, **SMALL)
        loss, _ = model.objective(views, training=False)
        losses[weight] = float(loss)
    z = [np.asarray(model.projector(model.encoder(v))) for v in views]
    center = np.mean([np.mean(view.mean(0) ** 2) for view in z])
    assert losses[1.0] - losses[0.0] == pytest.approx(0.9 * center, rel=1e-3)


def test_local_crops_of_another_size_train_a_resnet():
    model = kcs.methods.VISReg(kcs.encoders.resnet_small((12, 12, 1), width=4), **SMALL)
    model.compile("adam")
    model.run_eagerly = True
    before = np.array(model.encoder.trainable_variables[0])
    logs = model.train_on_batch(batch(12, 12, 8, 8), return_dict=True)
    assert np.isfinite(list(logs.values())).all()
    assert not np.array_equal(model.encoder.trainable_variables[0], before)


@pytest.mark.parametrize(
    "arguments, complete, dimensional",
    [
        ({}, 0, 0),
        ({"weight": 0.0}, 1, 1),
        ({"scale_weight": 0.0}, 1, 1),
        ({"center_weight": 0.0}, 1, 0),
        ({"shape_weight": 0.0}, 0, 1),
    ],
)
def test_what_usually_collapses_it(arguments, complete, dimensional):
    model = build(kcs.methods.VISReg, **{**SMALL, **arguments})
    for verdict, count in (("complete_collapse", complete), ("dimensional_collapse", dimensional)):
        causes = model.collapse_causes(verdict)
        assert len(causes) == count
        assert all(text.startswith(f"{name}=") for text in causes for name in arguments)


def test_bad_arguments_are_named():
    for name, value in (("weight", 2), ("shape_weight", -1), ("num_directions", 0)):
        with pytest.raises(kcs.InputError, match=f"{name} .*received {value}"):
            build(kcs.methods.VISReg, **{**SMALL, name: value})
