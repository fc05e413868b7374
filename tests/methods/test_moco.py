import itertools

import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.method_checks import build, check_round_trip, check_trains

SMALL = dict(hidden_dim=32, output_dim=16, momentum=0.9, queue_size=64)


def batch(seed=0):
    """Two views of 16 made-up images."""
    rng = np.random.default_rng(seed)
    return tuple(rng.random((16, 8, 8, 1), "float32") for _ in range(2))


def step(model, seed=0):
    """One step, run eagerly: tracing would take longer than it."""
    model.run_eagerly = True
    return model.train_on_batch(batch(seed), return_dict=True)


@pytest.mark.slow  # test_jax.py trains five steps of every method
def test_trains_without_collapse():
    check_trains(build(kcs.methods.MoCo, **SMALL))


def test_round_trip(tmp_path):
    model = build(
        kcs.methods.MoCo, symmetric=True, batch_norm=True, **{**SMALL, "queue_size": 1000}
    )
    loaded = check_round_trip(model, tmp_path / "model.keras")
    assert loaded.symmetric and np.asarray(loaded.queue.rows).any()


def test_the_queue_holds_the_newest_keys_first():
    model = build(kcs.methods.MoCo, **{**SMALL, "queue_size": 40})
    assert float(model.queue.filled) == 0
    queues = []
    for number, filled in enumerate((16, 32, 40, 40)):
        step(model, seed=number)
        assert float(model.queue.filled) == filled
        queues.append(np.array(model.queue.rows))
        np.testing.assert_allclose(np.linalg.norm(queues[-1][:filled], axis=1), 1, atol=1e-5)
        assert not queues[-1][filled:].any()
    for old, new in itertools.pairwise(queues):
        np.testing.assert_array_equal(new[16:], old[:24])
        assert not np.allclose(new[:16], old[:16])


def test_keys_enter_behind_the_step_and_come_from_the_teacher_before_it():
    model = build(kcs.methods.MoCo, **SMALL)
    views = batch()
    keys = np.asarray(model.teacher(views[1], training=True))
    step(model)
    expected = keys / np.linalg.norm(keys, axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(model.queue.rows)[:16], expected, atol=1e-5)


def test_an_empty_queue_gives_no_loss_and_a_symmetric_one_fills_twice_as_fast():
    model = build(kcs.methods.MoCo, symmetric=True, **SMALL)
    first = step(model)
    assert first["loss"] == pytest.approx(0, abs=1e-5)
    assert float(model.queue.filled) == 32


def test_loss_is_info_nce_over_the_queue():
    for symmetric in (False, True):
        model = build(kcs.methods.MoCo, symmetric=symmetric, temperature=0.3, **SMALL)
        step(model)
        views = batch(seed=3)
        loss, embeddings = model.branches(views, training=False)
        q1, q2 = embeddings["projection"]
        k1, k2 = (model.teacher(view) for view in views)
        queue = np.asarray(model.queue.rows)[: int(model.queue.filled)]
        expected = float(kcs.losses.info_nce(q1, k2, queue, 0.3))
        if symmetric:
            expected = (expected + float(kcs.losses.info_nce(q2, k1, queue, 0.3))) / 2
        assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_the_key_encoder_follows_by_the_momentum():
    model = build(kcs.methods.MoCo, **SMALL)
    step(model)  # without negatives: nothing moves
    before = [np.array(w) for copy in model.teacher.models for w in copy.weights]
    step(model, seed=1)
    students = [w for part in (model.encoder, model.projector) for w in part.weights]
    mine = [w for copy in model.teacher.models for w in copy.weights]
    moved = False
    for old, teacher, student in zip(before, mine, students, strict=True):
        if student.trainable:
            expected = 0.9 * old + 0.1 * np.asarray(student)
            np.testing.assert_allclose(teacher, expected, atol=1e-5)
            moved |= not np.array_equal(old, np.asarray(teacher))
    assert moved


def test_bad_arguments_are_named():
    with pytest.raises(kcs.InputError, match="queue_size"):
        build(kcs.methods.MoCo, **{**SMALL, "queue_size": 0})
    with pytest.raises(kcs.InputError, match="momentum"):
        build(kcs.methods.MoCo, **{**SMALL, "momentum": -1})
