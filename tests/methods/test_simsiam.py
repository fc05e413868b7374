import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.method_checks import (
    build,
    check_round_trip,
    check_trains,
    digits_views,
    gradient,
)

SMALL = dict(hidden_dim=32, output_dim=16, predictor_dim=16)


@pytest.fixture(scope="module")
def views():
    return tuple(np.asarray(view) for view in next(iter(digits_views()))[0])


def embeddings(model, views):
    return model.branches(views, training=True)[1]["projection"]


def projector_gradient(model, views):
    kernel = model.projector.layers[0].kernel
    loss, found = gradient(lambda: model.branches(views, training=True)[0], kernel)
    return float(loss), np.asarray(found)


def test_trains_without_collapse():
    optimizer = keras.optimizers.SGD(0.3, momentum=0.9)
    check_trains(build(kcs.methods.SimSiam, optimizer, **SMALL))


@pytest.mark.slow  # test_jax.py saves and loads every method, too
def test_round_trip(tmp_path):
    model = build(kcs.methods.SimSiam, predictor="bias", last_batch_norm=False, **SMALL)
    loaded = check_round_trip(model, tmp_path / "model.keras")
    assert loaded.predictor == "bias" and not loaded.last_batch_norm


def test_projector_ends_in_batch_norm_without_scale_and_offset(views):
    model = build(kcs.methods.SimSiam, **SMALL)
    assert model.projector.get_layer("bn_3").trainable_variables == []
    for z in embeddings(model, views):
        np.testing.assert_allclose(np.mean(z, axis=0), 0, atol=1e-4)
    without = build(kcs.methods.SimSiam, last_batch_norm=False, **SMALL)
    names = [layer.name for layer in without.projector.layers]
    assert "bn_3" not in names and "bn_2" in names
    assert without.projector.get_layer("dense_3").use_bias


def test_predictors(views):
    """What each of the stand-ins does to a view's embeddings."""
    predictions = {}
    for kind in ("mean", "batch_norm", "bias", None):
        model = build(kcs.methods.SimSiam, predictor=kind, last_batch_norm=False, **SMALL)
        z = np.asarray(embeddings(model, views)[0])
        p = predictions[kind] = np.asarray(model.predict_view(keras.ops.convert_to_tensor(z), True))
        if kind == "mean":
            np.testing.assert_allclose(p, z - z.mean(0), atol=1e-5)
        elif kind == "batch_norm":
            np.testing.assert_allclose(p, (z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5), atol=1e-3)
        elif kind == "bias":
            np.testing.assert_array_equal(p, z)  # it starts at 0
            shift = np.arange(16, dtype="float32")
            model.prediction_head.trainable_variables[0].assign(shift)
            np.testing.assert_allclose(model.predict_view(z, True), z + shift, rtol=1e-5)
        else:
            np.testing.assert_array_equal(p, z)
    assert not np.allclose(predictions["mean"], predictions[None], atol=1e-3)


def test_subtracting_the_mean_cancels_the_mean_gradient(views):
    """The gradient that arrives at the embeddings has no component common to the batch."""
    z = keras.Variable(np.random.default_rng(0).normal(1.0, 1.0, (32, 16)))
    common = {}
    for kind in ("mean", None):
        model = build(kcs.methods.SimSiam, predictor=kind, **SMALL)

        def loss(model=model):
            p = model.predict_view(keras.ops.convert_to_tensor(z), True)
            return kcs.losses.negative_cosine(p, keras.ops.ones_like(p))

        common[kind] = np.linalg.norm(np.mean(gradient(loss, z)[1], axis=0))
    assert common["mean"] < 1e-6 < 1e-4 < common[None]


def test_stop_gradient_halves_the_symmetric_gradient(views):
    """Without predictor both directions are one loss: stopping each target leaves half of it."""
    (loss, half), (same, whole) = (
        projector_gradient(
            build(kcs.methods.SimSiam, predictor=None, stop_gradient=stop, **SMALL), views
        )
        for stop in (True, False)
    )
    np.testing.assert_allclose(loss, same, rtol=1e-5)
    # Small entries are differences of large ones.
    atol = 1e-4 * np.abs(whole).max()
    np.testing.assert_allclose(half, whole / 2, rtol=1e-3, atol=atol)
    assert np.abs(half).max() > 1e-5


def test_predictor_keeps_its_learning_rate():
    """At the end of the schedule everything stands still but the predictor; or that too."""
    for constant in (True, False):
        schedule = kcs.optimizers.WarmupCosine(0.1, total_steps=2)
        model = build(
            kcs.methods.SimSiam,
            keras.optimizers.SGD(schedule),
            constant_predictor_rate=constant,
            **SMALL,
        )
        model.optimizer.iterations.assign(2)
        weights = [model.projector.layers[0].kernel, model.prediction_head.layers[0].kernel]
        before = [np.asarray(w) for w in weights]
        model.train_on_batch(next(iter(digits_views(batch_size=16)))[0])
        moved = [np.abs(np.asarray(w) - b).max() > 0 for w, b in zip(weights, before, strict=True)]
        assert moved == [False, constant]


@pytest.mark.parametrize("kind", ["mean", "batch_norm", None])
def test_predictors_without_weights_compile_with_any_schedule(kind):
    schedule = kcs.optimizers.WarmupCosine(0.1, total_steps=5)
    build(kcs.methods.SimSiam, keras.optimizers.SGD(schedule), predictor=kind, **SMALL)


def test_unknown_predictor_is_explained():
    with pytest.raises(kcs.InputError, match=r"'batchnorm'. Did you mean 'batch_norm'"):
        build(kcs.methods.SimSiam, predictor="batchnorm", **SMALL)
