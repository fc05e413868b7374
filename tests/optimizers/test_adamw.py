"""AdamW with a scheduled weight decay: against Keras' own at every step's decay."""

import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from keras_center_ssl.runs.recipe import parse_recipe
from tests.runs.test_recipe import content


def test_each_step_decays_by_its_own_amount():
    """With a gradient of 0, a weight only decays: `w (1 - lr wd)` at every step."""
    schedule = kcs.optimizers.WarmupCosine(0.1, 4, final_learning_rate=0.5)
    optimizer = kcs.optimizers.AdamW(0.5, weight_decay=schedule)
    weight = keras.Variable(np.full(3, 2.0, "float32"))
    optimizer.build([weight])
    expected = 2.0
    for step in range(6):
        decay = 0.5 - 0.4 * 0.5 * (1 + np.cos(np.pi * min(step, 4) / 4))
        expected *= 1 - 0.5 * decay
        optimizer.apply([keras.ops.zeros(3)])
        np.testing.assert_allclose(keras.ops.convert_to_numpy(weight), expected, rtol=1e-5)


def test_a_constant_decay_is_keras_own():
    steps = []
    for kind in (kcs.optimizers.AdamW, keras.optimizers.AdamW):
        optimizer, weight = kind(0.1, weight_decay=0.3), keras.Variable(np.arange(4.0))
        optimizer.build([weight])
        for _ in range(3):
            optimizer.apply([keras.ops.ones(4)])
        steps.append(keras.ops.convert_to_numpy(weight))
    np.testing.assert_allclose(*steps, rtol=1e-6)


def test_fits_and_round_trips(tmp_path):
    schedule = kcs.optimizers.WarmupCosine(0.04, 10, final_learning_rate=0.4)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(kcs.optimizers.AdamW(weight_decay=schedule), "mse")
    model.fit(np.ones((8, 3)), np.ones((8, 2)), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras").optimizer
    assert loaded.get_config() == model.optimizer.get_config()
    assert float(loaded.weight_decay) == pytest.approx(float(schedule(1)))


def test_recipes_raise_it_on_a_cosine():
    raised = dict(name="adamw", learning_rate=1e-3, weight_decay=0.04, final_weight_decay=0.4)
    optimizer = parse_recipe(content(epochs=3, optimizer=raised)).build_optimizer(10)
    assert float(optimizer.weight_decay) == pytest.approx(0.04)
    optimizer.iterations.assign(30)
    assert float(optimizer.weight_decay) == pytest.approx(0.4)
    with pytest.raises(kcs.InputError, match="goes with adamw"):
        parse_recipe(content(optimizer={**raised, "name": "sgd"}))
