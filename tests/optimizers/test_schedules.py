import math

import keras
import numpy as np
import pytest

import keras_center_ssl as kcs

WarmupCosine = kcs.optimizers.WarmupCosine


def reference(step, base, total, warmup, start, final):
    if step < warmup:
        return start + (base - start) * step / warmup
    progress = min((step - warmup) / (total - warmup), 1)
    return final + (base - final) * (1 + math.cos(math.pi * progress)) / 2


@pytest.mark.parametrize("warmup, start, final", [(0, 0.0, 0.0), (10, 3e-5, 0.0), (7, 0.1, 0.01)])
def test_values(warmup, start, final):
    schedule = WarmupCosine(0.4, 50, warmup, start, final)
    rates = [float(schedule(step)) for step in range(60)]
    expected = [reference(step, 0.4, 50, warmup, start, final) for step in range(60)]
    np.testing.assert_allclose(rates, expected, atol=1e-5)


def test_corners():
    schedule = WarmupCosine(0.4, 50, 10, 3e-5, 0.01)
    corners = [float(schedule(step)) for step in (0, 10, 30, 50, 1000)]
    np.testing.assert_allclose(corners, [3e-5, 0.4, 0.205, 0.01, 0.01], rtol=1e-5)


def test_serialisation():
    schedule = WarmupCosine(0.4, 50, 10, 3e-5, 0.01)
    loaded = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert loaded.get_config() == schedule.get_config()
    assert [float(loaded(step)) for step in (3, 20)] == [float(schedule(s)) for s in (3, 20)]


def test_an_optimizer_follows_it():
    variable = keras.Variable(np.zeros((), "float32"))
    optimizer = keras.optimizers.SGD(WarmupCosine(1.0, 4, warmup_steps=2))
    steps = []
    for _ in range(5):
        before = float(variable)
        optimizer.apply([np.ones((), "float32")], [variable])
        steps.append(before - float(variable))
    np.testing.assert_allclose(steps, [0, 0.5, 1, 0.5, 0], atol=1e-5)


@pytest.mark.parametrize("warmup", [50, 60, -1])
def test_a_warm_up_as_long_as_the_training_is_explained(warmup):
    with pytest.raises(kcs.InputError, match=f"warmup_steps={warmup} and total_steps=50"):
        WarmupCosine(0.4, 50, warmup)
