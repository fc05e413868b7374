import keras
import numpy as np
import pytest

import keras_center_ssl as kcs

SHAPES = {"kernel": (4, 3), "bias": (3,), "gamma": (3,), "zero": (2, 2), "tied": (2, 3)}


class Reference:
    """LARS of the paper in float64, one layer after the other."""

    def __init__(self, momentum, decay, eta, clip, excluded):
        self.momentum, self.decay, self.eta, self.clip = momentum, decay, eta, clip
        self.excluded = excluded
        self.velocity = {}

    def step(self, weights, gradients, rate):
        for name, w in weights.items():
            g = gradients[name].astype("float64")
            local = rate
            w_norm, g_norm = np.sqrt((w**2).sum()), np.sqrt((g**2).sum())
            if name not in self.excluded and w_norm > 0 and g_norm > 0:
                trust = self.eta * w_norm / (g_norm + self.decay * w_norm)
                local = min(trust, rate) if self.clip else trust * rate
                g = g + self.decay * w
            v = self.momentum * self.velocity.get(name, 0.0) + local * g
            self.velocity[name] = v
            weights[name] = w - v


def variables(rng):
    values = {name: rng.standard_normal(shape) for name, shape in SHAPES.items()}
    values["zero"][:] = 0
    return values, [keras.Variable(v.astype("float32"), name=n) for n, v in values.items()]


@pytest.mark.parametrize(
    "options",
    [
        dict(),
        dict(clip_trust=True, trust_coefficient=0.5),
        dict(momentum=0.0, weight_decay=0.0, trust_coefficient=0.001),
        dict(exclude=["tied"]),
    ],
)
def test_matches_the_reference_over_several_steps(rng, options):
    rates = [0.3, 0.2, 0.7, 0.05, 0.4]
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0, 1, 2, 3], rates)
    options = {"weight_decay": 0.1, **options}
    optimizer = kcs.optimizers.LARS(schedule, **options)
    weights, trained = variables(rng)
    reference = Reference(
        options.get("momentum", 0.9),
        options["weight_decay"],
        options.get("trust_coefficient", 0.02),
        options.get("clip_trust", False),
        {"bias", "gamma", *options.get("exclude", [])},
    )
    for rate in rates:
        gradients = {n: rng.standard_normal(s).astype("float32") for n, s in SHAPES.items()}
        if rate == 0.7:
            gradients["tied"][:] = 0  # neither decay nor adaptation, only the momentum goes on
        optimizer.apply(list(gradients.values()), trained)
        reference.step(weights, gradients, rate)
        for variable, (name, expected) in zip(trained, weights.items(), strict=True):
            np.testing.assert_allclose(
                np.asarray(variable), expected, rtol=1e-5, atol=1e-5, err_msg=name
            )


def test_an_adapted_step_has_the_same_relative_length_whatever_the_gradient(rng):
    """Without momentum and decay: `||step|| = lr * eta * ||w||`."""
    w = rng.standard_normal((5, 4)).astype("float32")
    for scale in (1e-3, 1.0, 1e3):
        variable = keras.Variable(w)
        optimizer = kcs.optimizers.LARS(0.5, momentum=0.0, trust_coefficient=0.02)
        optimizer.apply([scale * rng.standard_normal((5, 4)).astype("float32")], [variable])
        step = np.linalg.norm(w - np.asarray(variable))
        np.testing.assert_allclose(step, 0.5 * 0.02 * np.linalg.norm(w), rtol=1e-4)


def test_clipping_bounds_the_rate_by_the_learning_rate():
    """A small gradient would get a rate far above the learning rate; clipped, it gets that."""
    w, g = np.ones((4, 4), "float32"), np.full((4, 4), 1e-3, "float32")
    variable = keras.Variable(w)
    optimizer = kcs.optimizers.LARS(0.1, momentum=0.0, trust_coefficient=1.0, clip_trust=True)
    optimizer.apply([g], [variable])
    np.testing.assert_allclose(np.asarray(variable), w - 0.1 * g, rtol=1e-5)


def test_biases_and_scales_take_plain_momentum_steps(rng):
    """Rank 0 and 1: no adaptation, no decay, the same as SGD."""
    start = rng.standard_normal(6).astype("float32")
    lars, sgd = keras.Variable(start), keras.Variable(start)
    optimizers = [
        kcs.optimizers.LARS(0.2, weight_decay=0.5),
        keras.optimizers.SGD(0.2, momentum=0.9),
    ]
    for _ in range(4):
        gradient = rng.standard_normal(6).astype("float32")
        for optimizer, variable in zip(optimizers, (lars, sgd), strict=True):
            optimizer.apply([gradient], [variable])
    np.testing.assert_allclose(np.asarray(lars), np.asarray(sgd), rtol=1e-5)


def test_serialisation():
    schedule = kcs.optimizers.WarmupCosine(0.4, 100, warmup_steps=10)
    optimizer = kcs.optimizers.LARS(
        schedule, momentum=0.8, weight_decay=1e-4, clip_trust=True, exclude=("prototypes",)
    )
    config = keras.saving.serialize_keras_object(optimizer)
    loaded = keras.saving.deserialize_keras_object(config)
    assert isinstance(loaded, kcs.optimizers.LARS)
    assert loaded.get_config() == optimizer.get_config()
    assert loaded.exclude == ("prototypes",) and loaded.weight_decay == 1e-4


def test_state_is_saved_with_a_model(tmp_path, rng):
    """A loaded model's next step is the one the saved model takes."""
    x, y = rng.standard_normal((16, 3)), rng.standard_normal((16, 2))
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(kcs.optimizers.LARS(0.5, weight_decay=1e-3), "mse")
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for m in (model, loaded):
        m.train_on_batch(x, y)
    for old, new in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-5)


def test_under_loss_scaling(rng):
    """Mixed precision wraps the optimizer; scaled gradients give the unscaled step."""
    w, g = rng.standard_normal((2, 4, 3)).astype("float32")
    plain, scaled = keras.Variable(w), keras.Variable(w)
    kcs.optimizers.LARS(0.5, weight_decay=0.1).apply([g], [plain])
    inner = kcs.optimizers.LARS(0.5, weight_decay=0.1)
    optimizer = keras.optimizers.LossScaleOptimizer(inner, initial_scale=1024.0)
    optimizer.apply([g * 1024.0], [scaled])
    np.testing.assert_allclose(np.asarray(scaled), np.asarray(plain), rtol=1e-5)


def test_in_a_compiled_step(rng):
    import tensorflow as tf

    w, g = rng.standard_normal((2, 4, 3)).astype("float32")
    eager, compiled = keras.Variable(w), keras.Variable(w)
    kcs.optimizers.LARS(0.5).apply([g], [eager])
    optimizer = kcs.optimizers.LARS(0.5)
    optimizer.build([compiled])
    tf.function(lambda gradient: optimizer.apply([gradient], [compiled]))(tf.constant(g))
    np.testing.assert_allclose(np.asarray(compiled), np.asarray(eager), rtol=1e-5)


@pytest.mark.parametrize(
    "options", [dict(momentum=1.0), dict(weight_decay=-1e-4), dict(trust_coefficient=0.0)]
)
def test_bad_arguments_are_explained(options):
    with pytest.raises(kcs.InputError, match=next(iter(options))):
        kcs.optimizers.LARS(**options)
