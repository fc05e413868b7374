"""NaN in a pixel, or in a weight, reaches loss and figures, and is named: with any activation."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_center_ssl as kcs
from keras_center_ssl import numerics
from tests.helpers.method_checks import FIGURES
from tests.helpers.replica_cases import CASES

RNG = np.random.default_rng(0)
VIEWS = tuple(RNG.random((2, 32, 8, 8, 1)).astype("float32"))


@keras.saving.register_keras_serializable(package="tests")
def swallowing_relu(x):
    """What ReLU does to NaN on many processors, on all of them."""
    return ops.where(x > 0, x, 0.0)


def swallowing_encoder():
    images = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, strides=2, activation=swallowing_relu)(images)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Activation(swallowing_relu)(x)
    return keras.Model(images, keras.layers.GlobalAveragePooling2D()(x))


def method(case="SimCLR", optimizer=None):
    keras.utils.set_random_seed(0)
    model = getattr(kcs.methods, case.split("-")[0])(swallowing_encoder(), **CASES[case])
    model.compile(optimizer or keras.optimizers.SGD(0.01))
    return model


def with_pixel(value):
    first = VIEWS[0].copy()
    first[3, 2, 2, 0] = value
    return first, VIEWS[1]


def spoil(variable, value=np.nan):
    values = np.array(ops.convert_to_numpy(variable))
    values.flat[0] = value
    variable.assign(values)


@pytest.mark.parametrize("case", CASES)
def test_a_pixel_and_a_weight_reach_loss_and_figures(case):
    model = method(case)
    healthy = model.test_on_batch(VIEWS, return_dict=True)
    assert all(np.isfinite(value) for value in healthy.values()), healthy
    model.reset_metrics()
    for value in (np.nan, np.inf):
        logs = model.test_on_batch(with_pixel(value), return_dict=True)
        assert all(not np.isfinite(logs[name]) for name in ("loss", *FIGURES)), logs
        model.reset_metrics()
    spoil(model.encoder.trainable_weights[0])
    logs = model.train_on_batch(VIEWS, return_dict=True)
    assert all(not np.isfinite(logs[name]) for name in ("loss", *FIGURES)), logs


@pytest.mark.parametrize("case", ["SimCLR", "CenterSSL", "Triplet", "MoCo"])
def test_a_rate_far_too_high_is_no_finite_loss(case):
    model = method(case, keras.optimizers.SGD(1e20))
    for _ in range(3):
        model.reset_metrics()
        logs = model.train_on_batch(VIEWS, return_dict=True)
    assert not np.isfinite(logs["loss"]) and not np.isfinite(logs["center_norm"])


def test_stop_and_monitor_name_a_pixel():
    model = method()
    with pytest.raises(kcs.DivergenceError, match=r"step 1 .*'projection'.*NaN in the images"):
        model.fit(with_pixel(np.nan), verbose=0, callbacks=[kcs.callbacks.StopOnDivergence()])
    monitor = kcs.callbacks.CollapseMonitor(every=1)
    with pytest.warns(kcs.errors.CollapseWarning, match=r"Diverged"):
        method().fit(with_pixel(np.nan), batch_size=16, epochs=5, verbose=0, callbacks=[monitor])
    assert monitor.finding.verdict == "diverged"


class Spoil(keras.callbacks.Callback):
    """Makes a weight NaN after a step, when nothing in the loss can show it."""

    def __init__(self, step, weight):
        super().__init__()
        self.step, self.weight = step, weight

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == self.step:
            spoil(self.weight(self.model))


@pytest.mark.parametrize("of_keras", [False, True])
def test_weights_are_looked_at(of_keras):
    stop = kcs.callbacks.StopOnDivergence(every=2)
    if of_keras:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        model.compile("sgd", loss="mse")
        data, weight = (np.ones((8, 4)), np.ones((8, 2))), lambda m: m.layers[0].bias
    else:
        model, data, weight = method(), (VIEWS,), lambda m: m.encoder.layers[2].moving_mean
    path = weight(model).path
    with pytest.raises(kcs.DivergenceError, match=r"step 2 .*finite") as caught:
        model.fit(*data, batch_size=2, verbose=0, callbacks=[Spoil(2, weight), stop])
    assert (caught.value.step, caught.value.weight) == (2, path)
    assert caught.value.branch is None


def test_weights_are_looked_at_when_the_training_ends():
    stop = kcs.callbacks.StopOnDivergence()
    spoils = Spoil(2, lambda m: m.projector.trainable_weights[0])
    with pytest.raises(kcs.DivergenceError, match=r"NaN or infinite at step 2 .*finite"):
        method().fit(VIEWS, batch_size=16, verbose=0, callbacks=[spoils, stop])


def test_a_monitor_of_fixed_views_does_not_take_it_for_a_collapse():
    """In inference the encoder of a lost model gives zeros: the weights say what it is."""
    monitor = kcs.callbacks.CollapseMonitor(every=None, data=(np.tile(VIEWS[0], (2, 1, 1, 1)),) * 2)
    spoils = Spoil(2, lambda m: m.encoder.layers[1].kernel)
    with pytest.warns(kcs.errors.CollapseWarning, match=r"Diverged .*\n.*weight"):
        method().fit(VIEWS, batch_size=16, verbose=0, callbacks=[spoils, monitor])
    assert monitor.finding.verdict == "diverged"


class TestNumerics:
    def test_unit_length(self):
        rows = np.array([[3, 4], [0, 0], [np.nan, 1], [1e30, 0], [np.inf, 1]], "float32")
        unit = ops.convert_to_numpy(numerics.unit_length(ops.convert_to_tensor(rows)))
        np.testing.assert_allclose(unit[:2], [[0.6, 0.8], [0, 0]], rtol=1e-6)
        assert np.isnan(unit[2:]).all()

    def test_at_least(self):
        x = ops.convert_to_tensor(np.array([-1, 0, 2, np.nan, np.inf], "float32"))
        np.testing.assert_array_equal(numerics.at_least(x, 0.0), [0, 0, 2, np.nan, np.inf])

    def test_all_finite(self):
        good = [np.ones((2, 3), "float32"), np.full(9, 6e4, "float16"), np.array([2**31 - 1])]
        assert bool(numerics.all_finite(good)) and bool(numerics.all_finite([]))
        for bad in (np.nan, np.inf, -np.inf):
            assert not bool(numerics.all_finite([*good, np.array([1, bad], "float32")]))

    @pytest.mark.parametrize("loss", ["triplet", "nt_xent", "center", "vicreg", "barlow_twins"])
    def test_losses_of_embeddings_that_are_not_numbers(self, loss):
        z = RNG.normal(size=(2, 8, 4)).astype("float32")
        function = getattr(kcs.losses, loss)
        zero = z.copy()
        zero[0, 1] = 0
        assert np.isfinite(float(function(*map(ops.convert_to_tensor, zero))))
        for bad in (np.nan, np.inf, 1e30):
            spoiled = z.copy()
            spoiled[0, 1, 2] = bad
            assert not np.isfinite(float(function(*map(ops.convert_to_tensor, spoiled)))), bad
