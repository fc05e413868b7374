import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_center_ssl as kcs
from keras_center_ssl import heads
from keras_center_ssl.methods.teacher import Teacher, check_momentum, cosine_momentum
from tests.helpers.gradient_checks import value_and_gradients


def student(seed=0, encoder=None):
    keras.utils.set_random_seed(seed)
    encoder = encoder or kcs.encoders.resnet_small((8, 8, 1), width=4)
    return [encoder, heads.mlp(encoder.output_shape[-1], [8, 4])]


def values(model_list):
    return [np.array(w) for model in model_list for w in model.weights]


def trainable(model_list):
    return [w.trainable for model in model_list for w in model.weights]


def disturb(models, rng):
    for model in models:
        model.set_weights([w + rng.random(w.shape) for w in model.get_weights()])


def images(rng, size=8):
    return rng.random((6, size, size, 1), "float32")


def test_starts_as_the_student_and_is_independent_of_it(rng):
    models = student()
    disturb(models, rng)
    teacher, x = Teacher(*models), images(rng)
    np.testing.assert_allclose(teacher(x), models[1](models[0](x)), rtol=1e-5, atol=1e-5)
    before = values(teacher.models)
    disturb(models, rng)
    for old, now in zip(before, values(teacher.models), strict=True):
        np.testing.assert_array_equal(now, old)


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.99, 1.0])
def test_update_is_the_moving_average_of_trainable_weights(rng, momentum):
    models = student()
    teacher = Teacher(*models)
    disturb(models, rng)
    before, theirs, flags = values(teacher.models), values(models), trainable(models)
    teacher.update(models, momentum)
    assert True in flags and False in flags
    for old, new, other, flag in zip(before, values(teacher.models), theirs, flags, strict=True):
        expected = momentum * old + (1 - momentum) * other if flag else old
        if momentum in (0.0, 1.0):
            np.testing.assert_array_equal(new, expected)
        else:
            np.testing.assert_allclose(new, expected, rtol=1e-5, atol=1e-5)


def test_equals_the_student_in_training_after_momentum_0(rng):
    models = student()
    teacher, x = Teacher(*models), images(rng)
    disturb(models, rng)
    teacher.update(models, 0.0)
    theirs = models[1](models[0](x, training=True), training=True)
    np.testing.assert_allclose(teacher(x, training=True), theirs, rtol=1e-5, atol=1e-5)


def test_batch_norm_uses_the_teachers_own_batches_in_training(rng):
    models = student()
    teacher, x = Teacher(*models), images(rng)
    norms = [
        layer
        for model in teacher.models
        for layer in model.layers
        if isinstance(layer, layers.BatchNormalization)
    ]
    before = [np.array(norm.moving_mean) for norm in norms]
    students_before = values(models)
    moved = teacher(x, training=True)
    assert all(
        not np.allclose(old, norm.moving_mean) for old, norm in zip(before, norms, strict=True)
    )
    # Batch statistics: the outputs differ from those with running ones.
    assert not np.allclose(moved, teacher(x), atol=1e-3)
    for old, now in zip(students_before, values(models), strict=True):
        np.testing.assert_array_equal(now, old)


def test_nothing_is_trainable_whatever_is_switched(rng):
    models = student()
    teacher = Teacher(*models)
    assert not teacher.trainable_variables
    assert len(teacher.non_trainable_variables) == len(teacher.variables) > 0
    teacher.trainable = False
    teacher.trainable = True
    assert not teacher.trainable_variables
    assert all(layer.trainable for model in teacher.models for layer in model.layers)


def test_no_gradient_passes(rng):
    teacher = Teacher(*student())

    def total(x):
        with keras.StatelessScope():
            return ops.sum(ops.square(teacher(x, training=True)))

    _, (gradient,) = value_and_gradients(total, images(rng))
    assert not gradient.any()


def test_a_frozen_student_weight_is_left_alone(rng):
    models = student()
    teacher = Teacher(*models)
    models[1].trainable = False
    disturb(models, rng)
    before = [np.array(w) for w in teacher.models[1].weights]
    teacher.update(models, 0.0)
    for old, now in zip(before, teacher.models[1].weights, strict=True):
        np.testing.assert_array_equal(np.array(now), old)


def test_dropout_is_off_in_the_copy(rng):
    encoder = kcs.encoders.vit_tiny((8, 8, 1), depth=2, drop_path=0.9)
    teacher, x = Teacher(encoder), images(rng)
    first, second = (np.array(teacher(x, training=True)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(encoder(x, training=True), encoder(x, training=True), atol=1e-4)


def test_an_encoder_that_cannot_be_copied_is_named():
    class Bare(layers.Layer):
        def __init__(self, function):
            super().__init__()
            self.function = function

        def call(self, x):
            return self.function(x)

    inputs = keras.Input((8, 8, 1))
    encoder = keras.Model(inputs, Bare(lambda x: x)(layers.Flatten()(inputs)), name="bare")
    with pytest.raises(kcs.InputError, match="'bare' cannot be copied"):
        Teacher(encoder)


def test_cosine_momentum():
    ends = [float(cosine_momentum(0.99, 1.0, p)) for p in (0.0, 0.5, 1.0)]
    np.testing.assert_allclose(ends, [0.99, 0.995, 1.0], atol=1e-5)
    progress = np.linspace(0, 1, 7)
    published = 1 - (1 - 0.9) * (np.cos(np.pi * progress) + 1) / 2
    ours = [float(cosine_momentum(0.9, 1.0, p)) for p in progress]
    np.testing.assert_allclose(ours, published, rtol=1e-5)
    assert cosine_momentum(0.9, None, 0.7) == 0.9


def test_a_momentum_out_of_range_is_named():
    check_momentum(0, None)
    with pytest.raises(kcs.InputError, match=r"momentum is .* received 1.5"):
        check_momentum(1.5, None)
    with pytest.raises(kcs.InputError, match="final_momentum"):
        check_momentum(0.5, -0.1)
