import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.method_checks import build, check_round_trip, check_trains, digits_views

SMALL = dict(hidden_dim=32, output_dim=16, num_prototypes=20, frozen_epochs=0)


def prototypes(model):
    return np.asarray(model.prototype_layer.kernel)


def build_eager(optimizer=None, **arguments):
    """For a few steps only, where tracing a graph would take longer than they do."""
    model = build(kcs.methods.SwAV, **{**SMALL, **arguments})
    model.compile(optimizer or keras.optimizers.SGD(0.05, momentum=0.9), run_eagerly=True)
    return model


def step(model, views):
    return model.train_on_batch(views, return_dict=True)


@pytest.fixture(scope="module")
def batches():
    return [batch[0] for batch in digits_views()]


@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param(dict(learned_prototypes=False), marks=pytest.mark.slow),
        pytest.param(dict(queue_size=96, queue_start_epoch=0.5), marks=pytest.mark.slow),
    ],
)
def test_trains_without_collapse(options):
    model = build(kcs.methods.SwAV, **{**SMALL, **options})
    before = prototypes(model)
    check_trains(model)
    moved = np.abs(prototypes(model) - before).max()
    assert moved > 1e-3 if options.get("learned_prototypes", True) else moved == 0
    np.testing.assert_allclose(np.linalg.norm(prototypes(model), axis=0), 1, rtol=1e-5)


@pytest.mark.slow  # test_jax.py saves and loads every method, too
def test_round_trip_with_queue(tmp_path):
    model = build(
        kcs.methods.SwAV, **SMALL, queue_size=100, queue_start_epoch=0, sinkhorn=True, epsilon=0.03
    )
    loaded = check_round_trip(model, tmp_path / "model.keras")
    assert loaded.queue_size == 100 and loaded.epsilon == 0.03
    assert bool(loaded.queues[0].full)


def test_prototypes_are_unit_vectors_after_every_step(batches):
    model = build_eager(keras.optimizers.SGD(1.0))
    for views in batches[:3]:
        before = prototypes(model)
        step(model, views)
        np.testing.assert_allclose(np.linalg.norm(prototypes(model), axis=0), 1, rtol=1e-5)
        assert np.abs(prototypes(model) - before).max() > 1e-4


@pytest.mark.parametrize("optimizer", ["sgd", "lars"])
def test_frozen_prototypes_do_not_move(optimizer):
    """Neither by a gradient nor by weight decay; from the epoch given on, they do."""
    optimizer = {
        "sgd": keras.optimizers.SGD(0.5, momentum=0.9, weight_decay=0.1),
        "lars": kcs.optimizers.LARS(0.5, weight_decay=0.1),
    }[optimizer]
    model = build_eager(optimizer, frozen_epochs=1)
    start = prototypes(model)
    dataset = digits_views(steps=2)
    ends = []
    record = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(prototypes(model)))
    model.fit(dataset, epochs=2, verbose=0, callbacks=[record])
    np.testing.assert_allclose(ends[0], start, atol=1e-5)
    assert np.abs(ends[1] - start).max() > 1e-3


def test_loss_is_the_published_one(batches):
    """Two views: `kcs.losses.swav` of scores and Sinkhorn assignments."""
    model = build(kcs.methods.SwAV, **SMALL)
    views = batches[0]
    scores = []
    for view in views:
        z = np.asarray(model.projector(model.encoder(view)))
        scores.append(z / np.linalg.norm(z, axis=1, keepdims=True) @ prototypes(model))
    expected = kcs.losses.swav(*scores, *(kcs.losses.sinkhorn(s) for s in scores))
    loss, _ = model.objective(views, training=False)
    np.testing.assert_allclose(loss, expected, rtol=1e-3)


def test_queue_is_ignored_until_full_and_used_from_then_on(batches):
    with_queue = build_eager(queue_size=128, queue_start_epoch=0)
    without = build_eager()
    same = []
    for views in batches[:3]:
        losses = [model.objective(views, training=True)[0] for model in (with_queue, without)]
        same.append(np.isclose(*losses, rtol=1e-5))
        for model in (with_queue, without):
            step(model, views)
    # Two batches of 64 fill it; the third step is the first that uses it.
    assert same[:2] == [True, True] and not same[2]


def test_queue_holds_the_newest_embeddings(batches):
    model = build(kcs.methods.SwAV, **SMALL, queue_size=100, queue_start_epoch=0)
    expected = np.zeros((0, 16))
    for views in batches[:3]:
        _, embeddings = model.objective(views, training=True)
        z = np.asarray(embeddings["projection"][1])
        z = z / np.linalg.norm(z, axis=1, keepdims=True)
        expected = np.concatenate([z, expected])[:100]
        model.after_step(embeddings)
    np.testing.assert_allclose(model.queues[1].rows, expected, atol=1e-5)
    assert float(model.queues[1].filled) == 100


def test_queue_starts_at_its_epoch():
    model = build_eager(queue_size=500, queue_start_epoch=1)
    filled = []
    record = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: filled.append(float(model.queues[0].filled))
    )
    model.fit(digits_views(steps=2), epochs=2, verbose=0, callbacks=[record])
    assert filled == [0.0, 128.0]


def test_multi_crop():
    """Assignments come from the two global views; local views, of another size, predict both."""
    views = kcs.views.swav(
        16, 8, local_views=2, flip=0.0, grey=0.0, global_area=(0.5, 1.0), local_area=(0.3, 0.6)
    )
    keras.utils.set_random_seed(0)
    model = kcs.methods.SwAV(kcs.encoders.resnet_small((16, 16, 1), width=8), **SMALL)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9))
    dataset = digits_views(batch_size=32, steps=2, views=views)
    history = model.fit(dataset, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    batch = next(iter(dataset))[0]
    assert [view.shape[1] for view in batch] == [16, 16, 8, 8]
    scores = [
        np.asarray(model.prototype_layer(model.projector(kcs.encoders.encode(model.encoder, v))))
        for v in batch
    ]
    q = [np.asarray(kcs.losses.sinkhorn(s)) for s in scores[:2]]
    log_p = [s / 0.1 - np.log(np.sum(np.exp(s / 0.1), axis=1, keepdims=True)) for s in scores]
    terms = [
        -np.mean(np.sum(q[i] * log_p[j], axis=1)) for i in range(2) for j in range(4) if i != j
    ]
    np.testing.assert_allclose(model.objective(batch, training=False)[0], np.mean(terms), rtol=1e-3)


def test_without_sinkhorn_samples_are_assigned_alone(batches):
    model = build_eager(sinkhorn=False, queue_size=64)
    assert model.queues == []
    scores = np.array([[1.0, 0.9, 0.8]] * 4, "float32")
    assigned = np.asarray(model._assign(scores, 0))
    expected = np.exp(scores / 0.05) / np.exp(scores / 0.05).sum(1, keepdims=True)
    np.testing.assert_allclose(assigned, expected, rtol=1e-4)
    assert np.isfinite(step(model, batches[0])["loss"])


def test_bad_arguments_are_explained():
    encoder = kcs.encoders.resnet_small((8, 8, 1), width=4)
    with pytest.raises(kcs.InputError, match="Did you mean 'num_prototypes'"):
        kcs.methods.SwAV(encoder, prototypes=10)
    with pytest.raises(kcs.InputError, match="queue_size"):
        kcs.methods.SwAV(encoder, queue_size=-1)
    with pytest.raises(kcs.InputError, match="epsilon"):
        kcs.methods.SwAV(encoder, epsilon=0.0)
