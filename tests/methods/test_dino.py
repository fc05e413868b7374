import keras
import numpy as np
import pytest
from keras import layers

import keras_center_ssl as kcs
from tests.helpers.method_checks import build, check_round_trip, check_trains, digits_views

SMALL = dict(
    hidden_dim=32,
    bottleneck_dim=16,
    output_dim=24,
    momentum=0.9,
    teacher_temperature_epochs=2,
    frozen_epochs=0,
)


def batch(*sizes):
    """Views of 16 made-up images, of these sizes."""
    rng = np.random.default_rng(0)
    return tuple(rng.random((16, size, size, 1), "float32") for size in sizes)


def test_trains_without_collapse():
    model = build(
        kcs.methods.DINO,
        keras.optimizers.Adam(1e-3),
        **{**SMALL, "momentum": 0.99, "output_dim": 64, "batch_norm": True},
        teacher_temperature=0.04,
    )
    history = check_trains(model)
    for entropy, kl, loss in zip(
        history["teacher_entropy"], history["teacher_student_kl"], history["loss"], strict=True
    ):
        assert 0 < entropy < np.log(64) and kl > 0
        assert entropy + kl == pytest.approx(loss, rel=1e-4)


def test_round_trip(tmp_path):
    model = build(kcs.methods.DINO, **SMALL)
    loaded = check_round_trip(model, tmp_path / "model.keras")
    assert np.asarray(loaded.teacher_center).any()


def test_all_views_but_pairs_of_a_view_with_itself():
    keras.utils.set_random_seed(0)
    model = kcs.methods.DINO(kcs.encoders.resnet_small((12, 12, 1), width=4), **SMALL)
    model.compile("sgd")
    model.teacher_center.assign(np.linspace(-0.1, 0.1, 24))
    views = batch(12, 12, 8, 8)
    loss, embeddings = model.branches(views, training=True)
    assert len(embeddings["teacher_logits"]) == 2
    students = [
        model.prototypes(model.projector(kcs.encoders.encode(model.encoder, v, training=True)))
        for v in views
    ]
    teachers = [model.teacher(v, training=True) for v in views[:2]]
    terms = [
        float(kcs.losses.dino(students[j], teachers[i], model.teacher_center, 0.1, 0.04))
        for i, j in ((0, 1), (0, 2), (0, 3), (1, 0), (1, 2), (1, 3))
    ]
    assert float(loss) == pytest.approx(np.mean(terms), rel=1e-4)


def test_local_crops_of_another_size_train_a_resnet():
    model = kcs.methods.DINO(kcs.encoders.resnet_small((12, 12, 1), width=4), **SMALL)
    model.compile("adam")
    model.run_eagerly = True
    before = np.array(model.encoder.trainable_variables[0])
    logs = model.train_on_batch(batch(12, 12, 8), return_dict=True)
    assert np.isfinite(list(logs.values())).all()
    assert not np.array_equal(model.encoder.trainable_variables[0], before)


def test_an_encoder_bound_to_its_size_is_named():
    inputs = keras.Input((12, 12, 1))
    encoder = keras.Model(inputs, layers.Dense(4)(layers.Flatten()(inputs)), name="flat")
    model = kcs.methods.DINO(encoder, **SMALL)
    with pytest.raises(kcs.InputError, match="'flat' was built for images of 12 x 12"):
        model.branches(batch(12, 12, 8), training=True)


def test_the_centre_is_updated_behind_the_loss():
    model = build(kcs.methods.DINO, **SMALL)
    views = batch(8, 8)
    logits = np.concatenate([np.asarray(model.teacher(view, training=True)) for view in views])
    before, _ = model.branches(views, training=True)
    model.run_eagerly = True
    loss = model.train_on_batch(views, return_dict=True)["loss"]
    assert loss == pytest.approx(float(before), rel=1e-5)  # with the old centre, 0
    expected = 0.1 * logits.mean(axis=0)
    np.testing.assert_allclose(model.teacher_center, expected, atol=1e-5)


def test_without_centring_there_is_no_centre():
    model = build(kcs.methods.DINO, centering=False, **SMALL)
    model.run_eagerly = True
    model.train_on_batch(batch(8, 8))
    assert not np.asarray(model.teacher_center).any()


def test_teacher_temperature_warms_up_and_is_the_students_without_sharpening():
    model = build(kcs.methods.DINO, **SMALL)
    seen = []
    for epoch in (0, 1, 2, 5):
        model.clock.steps_per_epoch.assign(10)
        model.clock.step.assign(10 * epoch)
        seen.append(float(model.current_teacher_temperature))
    np.testing.assert_allclose(seen, [0.04, 0.055, 0.07, 0.07], rtol=1e-5)
    blunt = build(kcs.methods.DINO, sharpening=False, student_temperature=0.2, **SMALL)
    assert float(blunt.current_teacher_temperature) == pytest.approx(0.2)
    steady = build(kcs.methods.DINO, **{**SMALL, "teacher_temperature_epochs": 0})
    assert float(steady.current_teacher_temperature) == pytest.approx(0.07)


def test_the_last_layer_is_frozen_for_the_first_epoch():
    model = build(kcs.methods.DINO, **{**SMALL, "frozen_epochs": 1})
    kernel, hidden = model.prototypes.trainable_variables[0], model.projector.weights[0]
    kernels, hiddens = [np.array(kernel)], [np.array(hidden)]

    model.run_eagerly = True
    model.clock.plan(epochs=2, steps_per_epoch=1)
    for _ in range(2):
        model.train_on_batch(batch(8, 8))
        kernels.append(np.array(kernel))
        hiddens.append(np.array(hidden))
    np.testing.assert_array_equal(kernels[1], kernels[0])
    assert not np.allclose(hiddens[1], hiddens[0])
    assert not np.allclose(kernels[2], kernels[1])


def test_gradients_are_clipped_one_by_one():
    model = build(kcs.methods.DINO, **SMALL)
    shapes = [(2, 2), (3,)]
    variables = [keras.Variable(np.zeros(shape, "float32")) for shape in shapes]
    long = keras.ops.full((2, 2), 30.0)  # of length 60
    short = keras.ops.full((3,), 0.1)
    clipped, kept = model.gradient_transform([long, short], variables)
    np.testing.assert_allclose(clipped, np.full((2, 2), 1.5), rtol=1e-5)
    np.testing.assert_array_equal(kept, short)
    assert model.gradient_transform([None], variables[:1]) == [None]
    free = build(kcs.methods.DINO, gradient_clip=None, **SMALL)
    np.testing.assert_array_equal(free.gradient_transform([long], variables[:1])[0], long)


def test_the_clip_is_of_the_gradient_without_its_loss_scale():
    model = build(kcs.methods.DINO, **SMALL)
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), initial_scale=1024.0)
    model.compile(scaled)
    variable = keras.Variable(np.zeros((2, 2), "float32"))
    (clipped,) = model.gradient_transform([keras.ops.full((2, 2), 1024.0)], [variable])
    np.testing.assert_array_equal(clipped, np.full((2, 2), 1024.0))  # of length 2 unscaled


def test_logits_are_cosines():
    model = build(kcs.methods.DINO, **SMALL)
    z = np.random.default_rng(0).standard_normal((5, 16)).astype("float32")
    kernel = np.asarray(model.prototypes.weights[0])
    expected = z @ kernel / np.linalg.norm(z, axis=1)[:, None] / np.linalg.norm(kernel, axis=0)
    np.testing.assert_allclose(model.prototypes(z), expected, atol=1e-5)


def test_validation_has_its_own_figures():
    model = build(kcs.methods.DINO, **SMALL)
    model.run_eagerly = True
    trained = model.train_on_batch(batch(8, 8), return_dict=True)
    logs = model.evaluate(digits_views(16, steps=1), verbose=0, return_dict=True)
    assert {"loss", "center_norm", "teacher_entropy", "teacher_student_kl"} <= set(logs)
    assert logs["teacher_entropy"] != trained["teacher_entropy"]
    again = model._means["teacher_entropy"].result()
    assert float(again) == pytest.approx(trained["teacher_entropy"])  # not touched by evaluate


def test_bad_arguments_are_named():
    for name, value in (("momentum", 2), ("teacher_temperature", 0), ("center_momentum", -1)):
        with pytest.raises(kcs.InputError, match=name):
            build(kcs.methods.DINO, **{**SMALL, name: value})
