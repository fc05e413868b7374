"""Checks that every method passes: training, logs, round trip. Used by one test file a method."""

import keras
import numpy as np

import keras_center_ssl as kcs

FIGURES = ("center_norm", "positive_cosine", "between_variance", "normalized_std")
RANKS = ("effective_rank", "participation_ratio")


def digits_views(batch_size=64, steps=10, seed=0, views=None):
    """Batches of two (or more) views of digits, the same for the same seed."""
    views = views or kcs.views.simclr(
        8, area=(0.5, 1.0), flip=0.0, blur=0.0, grey=0.0, brightness=0.3, contrast=0.3
    )
    return kcs.data.multi_view(
        "digits", views=views, batch_size=batch_size, seed=seed, limit=batch_size * steps
    )


def small_encoder(name="encoder"):
    return kcs.encoders.resnet_small((8, 8, 1), width=8, name=name)


def tiny_encoder(name="encoder"):
    """One convolution: for tests that trace many steps, and ask for no accuracy."""
    images = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, strides=2, activation="relu")(images)
    return keras.Model(images, keras.layers.GlobalAveragePooling2D()(x), name=name)


def build(method, optimizer=None, seed=0, **arguments):
    """A compiled method on a small encoder."""
    keras.utils.set_random_seed(seed)
    model = method(small_encoder(), **arguments)
    model.compile(optimizer or keras.optimizers.SGD(0.05, momentum=0.9))
    return model


def gradient(function, variable):
    """`function()` and its gradient by `variable`, on whichever backend."""
    if keras.backend.backend() == "jax":
        import jax

        def of(value):
            with keras.StatelessScope([(variable, value)]):
                return function()

        return jax.value_and_grad(of)(variable.value)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = function()
    return value, tape.gradient(value, variable.value)


def check_trains(model, dataset=None, epochs=3, healthy=True):
    """30 steps lower the loss, log every figure, and do not collapse."""
    dataset = dataset or digits_views()
    steps = int(dataset.cardinality())
    # One iterator for all epochs: making one takes longer than an epoch of so few steps.
    history = model.fit(dataset.repeat(), epochs=epochs, steps_per_epoch=steps, verbose=0).history
    assert history["loss"][-1] < history["loss"][0], history["loss"]
    assert all(np.isfinite(values).all() for values in history.values()), history
    for name in (*FIGURES, *RANKS):
        assert len(history[name]) == epochs, name
    if healthy:
        assert history["center_norm"][-1] < 0.95, history["center_norm"]
        assert history["between_variance"][-1] > 0.05, history["between_variance"]
    return history


def check_round_trip(model, path, dataset=None):
    """Saved and loaded, every variable is the same, and so is the loss of the next step.

    Step by step, without a graph: tracing or compiling each of them takes longer than all steps.
    """
    dataset = dataset or digits_views(steps=2)
    model.compile(model.optimizer, run_eagerly=True)
    model.fit(dataset, epochs=1, verbose=0)
    model.save(path)
    loaded = keras.saving.load_model(path)
    assert type(loaded) is type(model)
    configs = [{k: v for k, v in m.get_config().items() if k != "encoder"} for m in (loaded, model)]
    assert configs[0] == configs[1]
    assert len(loaded.variables) == len(model.variables)
    for old, new in zip(model.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(new), np.asarray(old), err_msg=old.path)
    for old, new in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(new), np.asarray(old), err_msg=old.path)
    images = np.random.default_rng(0).random((4, 8, 8, 1), "float32")
    np.testing.assert_allclose(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-5
    )
    step = next(iter(dataset.take(1)))
    old, new = (m.train_on_batch(step[0], return_dict=True) for m in (model, loaded))
    assert old.keys() == new.keys()
    for name in old:
        np.testing.assert_allclose(new[name], old[name], rtol=1e-5, atol=1e-5, err_msg=name)
    return loaded
