import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.method_checks import build, check_round_trip, check_trains

SMALL = dict(hidden_dim=32, output_dim=16, predictor_dim=32)


def pairs(model):
    """Student and teacher, trainable weights of the student only."""
    students = [model.encoder, model.projector]
    mine = [w for copy in model.teacher.models for w in copy.weights]
    theirs = [w for student in students for w in student.weights]
    return [(np.array(s), np.array(t)) for s, t in zip(theirs, mine, strict=True) if s.trainable]


def batch():
    """Two views of 16 made-up images."""
    rng = np.random.default_rng(0)
    return tuple(rng.random((16, 8, 8, 1), "float32") for _ in range(2))


def step(model):
    """One step, run eagerly: tracing would take longer than it."""
    model.run_eagerly = True
    model.train_on_batch(batch())


def test_trains_without_collapse():
    history = check_trains(build(kcs.methods.BYOL, momentum=0.9, **SMALL))
    assert 0 <= min(history["loss"]) and max(history["loss"]) <= 4


@pytest.mark.slow  # test_jax.py saves and loads every method, too
def test_round_trip(tmp_path):
    model = build(kcs.methods.BYOL, momentum=0.9, **SMALL)
    loaded = check_round_trip(model, tmp_path / "model.keras")
    assert loaded.momentum == 0.9 and not loaded.teacher.trainable_variables


def test_loss_is_two_minus_two_cosines():
    model = build(kcs.methods.BYOL, **SMALL)
    views = batch()
    loss, embeddings = model.branches(views, training=False)
    p1, p2 = (model.prediction_head(z) for z in embeddings["projection"])
    t1, t2 = (model.teacher(view) for view in views)
    cosines = [keras.losses.cosine_similarity(p, t) for p, t in ((p1, t2), (p2, t1))]
    expected = np.mean([2 + 2 * np.asarray(c) for c in cosines])  # Keras' has the minus sign
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_momentum_0_makes_the_teacher_the_student():
    model = build(kcs.methods.BYOL, momentum=0.0, final_momentum=None, **SMALL)
    step(model)
    for student, teacher in pairs(model):
        np.testing.assert_array_equal(teacher, student)


def test_momentum_1_keeps_the_teacher_as_it_was():
    model = build(kcs.methods.BYOL, momentum=1.0, **SMALL)
    before = [teacher for _, teacher in pairs(model)]
    step(model)
    for old, (_, teacher) in zip(before, pairs(model), strict=True):
        np.testing.assert_array_equal(teacher, old)
    assert any(not np.allclose(student, teacher) for student, teacher in pairs(model))


def test_the_teacher_follows_behind_the_optimizer_step():
    model = build(kcs.methods.BYOL, momentum=0.75, final_momentum=None, **SMALL)
    before = [teacher for _, teacher in pairs(model)]
    step(model)
    for old, (student, teacher) in zip(before, pairs(model), strict=True):
        np.testing.assert_allclose(teacher, 0.75 * old + 0.25 * student, atol=1e-5)


def test_the_teacher_comes_to_rest_at_the_end_of_the_schedule():
    model = build(kcs.methods.BYOL, momentum=0.0, **SMALL)
    model.clock.plan(epochs=2, steps_per_epoch=5)
    model.clock.step.assign(10)
    before = [teacher for _, teacher in pairs(model)]
    step(model)
    for old, (_, teacher) in zip(before, pairs(model), strict=True):
        np.testing.assert_allclose(teacher, old, atol=1e-5)


def test_the_optimizer_sees_the_student_only():
    model = build(kcs.methods.BYOL, **SMALL)
    trained = {id(v) for v in model.trainable_variables}
    assert not trained & {id(v) for v in model.teacher.variables}
    parts = (model.encoder, model.projector, model.prediction_head)
    assert trained == {id(v) for part in parts for v in part.trainable_variables}


def test_without_predictor():
    model = build(kcs.methods.BYOL, predictor=None, momentum=0.9, **SMALL)
    assert model.prediction_head is None
    views = batch()
    loss, embeddings = model.branches(views, training=False)
    (z1, z2), (t1, t2) = embeddings["projection"], (model.teacher(view) for view in views)
    cosines = [keras.losses.cosine_similarity(z, t) for z, t in ((z1, t2), (z2, t1))]
    assert float(loss) == pytest.approx(2 + 2 * np.mean(cosines), rel=1e-5)
    step(model)
    with pytest.raises(kcs.InputError, match="predictor"):
        build(kcs.methods.BYOL, predictor="linear", **SMALL)


def test_bad_momentum_is_named():
    with pytest.raises(kcs.InputError, match="momentum"):
        build(kcs.methods.BYOL, momentum=1.2, **SMALL)
