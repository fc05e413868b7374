import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from keras_center_ssl.optimizers import base_learning_rate, hold_learning_rate

STEPS, RATE = 8, 0.1


def cosine():
    return kcs.optimizers.WarmupCosine(RATE, STEPS, warmup_steps=2)


def kinds(rate):
    return {
        "sgd": lambda: keras.optimizers.SGD(rate, momentum=0.9),
        "nesterov": lambda: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
        "adam": lambda: keras.optimizers.Adam(rate),
        "rmsprop": lambda: keras.optimizers.RMSprop(rate),
        "lars": lambda: kcs.optimizers.LARS(rate, weight_decay=0.01),
        "scaled": lambda: keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(rate, momentum=0.9), initial_scale=1.0
        ),
    }


@pytest.mark.parametrize("kind", list(kinds(RATE)))
def test_held_variables_move_as_under_a_constant_rate_and_others_by_the_schedule(kind, rng):
    """Momenta included, over a warm-up and a whole cosine."""
    start = rng.standard_normal((3, 2)).astype("float32")
    gradients = rng.standard_normal((STEPS, 3, 2)).astype("float32")
    held, free = keras.Variable(start, name="held"), keras.Variable(start, name="free")
    constant, scheduled = keras.Variable(start), keras.Variable(start)
    optimizer = kinds(cosine())[kind]()
    optimizer.build([held, free])
    hold_learning_rate(optimizer, [held], base_learning_rate(optimizer))
    references = [(kinds(RATE)[kind](), constant), (kinds(cosine())[kind](), scheduled)]
    for gradient in gradients:
        optimizer.apply([gradient, gradient], [held, free])
        for reference, variable in references:
            reference.apply([gradient], [variable])
        np.testing.assert_allclose(np.asarray(held), np.asarray(constant), rtol=1e-5)
        np.testing.assert_allclose(np.asarray(free), np.asarray(scheduled), rtol=1e-5)
    assert not np.allclose(np.asarray(held), np.asarray(free), rtol=1e-2)


@pytest.mark.parametrize(
    "rate",
    [
        RATE,
        cosine(),
        keras.optimizers.schedules.CosineDecay(RATE, 10),
        keras.optimizers.schedules.CosineDecay(0.0, 10, warmup_target=RATE, warmup_steps=3),
        keras.optimizers.schedules.ExponentialDecay(RATE, 10, 0.9),
        keras.optimizers.schedules.PiecewiseConstantDecay([5], [RATE, 0.01]),
    ],
)
def test_base_learning_rate(rate):
    assert base_learning_rate(keras.optimizers.SGD(rate)) == pytest.approx(RATE)
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(rate))
    assert base_learning_rate(scaled) == pytest.approx(RATE)


def test_nothing_to_hold_is_explained():
    with pytest.raises(kcs.InputError, match="no variables to hold"):
        hold_learning_rate(keras.optimizers.SGD(0.1), [], 0.1)
