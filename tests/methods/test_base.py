"""What every method inherits: inputs it takes and refuses, logs, evaluation, config."""

import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_center_ssl as kcs
from tests.helpers.method_checks import FIGURES, RANKS, build, digits_views, small_encoder

SMALL = dict(hidden_dim=16, output_dim=8)


@pytest.fixture(scope="module")
def model():
    return build(kcs.methods.SimCLR, **SMALL)


def pairs(n=64, channels=1, dtype="float32"):
    images = np.random.default_rng(0).random((n, 8, 8, channels))
    images = (images * 255).astype("uint8") if dtype == "uint8" else images.astype(dtype)
    return images, images[:, ::-1].copy()


def test_call_and_predict_give_the_encoders_features(model):
    images, _ = pairs(6)
    features = model.encoder(images, training=False)
    np.testing.assert_allclose(model(images), features, atol=1e-5)
    np.testing.assert_allclose(model.predict(images, verbose=0), features, atol=1e-5)


def test_bytes_are_scaled(model):
    images, other = pairs(32, dtype="uint8")
    as_floats = [x.astype("float32") / 255 for x in (images, other)]
    np.testing.assert_allclose(model(images), model(as_floats[0]), atol=1e-5)
    datasets = [
        tf.data.Dataset.from_tensor_slices((views,)).batch(32)
        for views in ((images, other), tuple(as_floats))
    ]
    one, two = (model.evaluate(d, verbose=0, return_dict=True) for d in datasets)
    assert one == pytest.approx(two, rel=1e-4)


@pytest.mark.parametrize("form", ["views", "views and labels", "two batches", "arrays"])
def test_forms_of_input(model, form):
    first, second = pairs()
    labels = np.zeros(64, "int32")
    data = {
        "views": tf.data.Dataset.from_tensor_slices(((first, second),)).batch(32),
        "views and labels": tf.data.Dataset.from_tensor_slices(((first, second), labels)).batch(32),
        "two batches": tf.data.Dataset.from_tensor_slices((first, second)).batch(32),
        "arrays": (first, second),
    }[form]
    history = model.fit(data, epochs=1, verbose=0).history
    assert set(history) == {"loss", *FIGURES, *RANKS}


def test_labels_do_not_reach_the_loss():
    first, second = pairs()
    losses = []
    for labels in (np.zeros(64), np.arange(64)):
        model = build(kcs.methods.SimCLR, **SMALL)
        data = tf.data.Dataset.from_tensor_slices(((first, second), labels)).batch(32)
        losses.append(model.fit(data, verbose=0).history["loss"])
    assert losses[0] == losses[1]


def test_validation_is_measured_apart_from_training():
    model = build(kcs.methods.SimCLR, **SMALL)
    history = model.fit(
        digits_views(), validation_data=digits_views(seed=5), epochs=2, verbose=0
    ).history
    for name in ("loss", *FIGURES):
        assert len(history[f"val_{name}"]) == 2
    assert np.isfinite(history["effective_rank"]).all()
    held_out = model.evaluate(digits_views(seed=5), verbose=0, return_dict=True)
    assert set(held_out) == {"loss", *FIGURES}


def test_logged_figures_are_those_of_the_embeddings():
    """With a learning rate of 0 every step sees the same weights: geometry gives the same."""
    model = build(kcs.methods.SimCLR, optimizer=keras.optimizers.SGD(0.0), **SMALL)
    data = digits_views(steps=1)
    (views,) = next(iter(data))
    data.position.set(0)
    logs = {k: v[0] for k, v in model.fit(data, verbose=0).history.items()}
    z1, z2 = (
        np.asarray(model.projector(model.encoder(view, training=True), training=True))
        for view in views
    )
    assert logs["positive_cosine"] == pytest.approx(kcs.geometry.positive_cosine(z1, z2), abs=1e-4)
    expected = max(0.0, kcs.geometry.center_norm_squared(z1, z2)) ** 0.5
    assert logs["center_norm"] == pytest.approx(expected, abs=1e-4)
    assert logs["between_variance"] == pytest.approx(
        kcs.geometry.between_variance(z1, z2), abs=1e-4
    )


def test_center_weight_adds_the_squared_centre():
    first, second = pairs()
    data = tf.data.Dataset.from_tensor_slices((first, second)).batch(64)
    plain, weighted = (
        build(kcs.methods.SimCLR, optimizer=keras.optimizers.SGD(0.0), center_weight=w, **SMALL)
        for w in (0.0, 2.0)
    )
    embeddings = plain.branches((first, second), training=True)[1]["projection"]
    unit = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in embeddings]
    expected = 2.0 * float(np.sum(np.mean((unit[0] + unit[1]) / 2, axis=0) ** 2))
    losses = [m.fit(data, verbose=0).history["loss"][0] for m in (plain, weighted)]
    assert losses[1] - losses[0] == pytest.approx(expected, rel=1e-3)


def test_one_trace_for_all_steps_and_epochs():
    traces = []

    class Counting(kcs.methods.SimCLR):
        def branches(self, views, training):
            traces.append(training)
            return super().branches(views, training)

    model = build(Counting, **SMALL)
    model.fit(digits_views(), epochs=3, verbose=0)
    assert traces == [True]


@pytest.mark.parametrize(
    "data, message",
    [
        (pairs()[0], "fit takes views of images, not the images themselves"),
        (tf.data.Dataset.from_tensor_slices(pairs()[0]).batch(8), "at least 2 views"),
        (tf.data.Dataset.from_tensor_slices(pairs()).batch(1), "at least 2 samples in a batch"),
    ],
)
def test_what_is_not_views_is_refused(model, data, message):
    with pytest.raises(kcs.InputError, match=message):
        model.fit(data, verbose=0)


def test_compile_takes_an_optimizer_only(model):
    with pytest.raises(kcs.InputError, match="brings its own loss"):
        kcs.methods.SimCLR(small_encoder(), **SMALL).compile("adam", loss="mse")
    with pytest.raises(kcs.InputError, match="center_weight is 0 or more"):
        kcs.methods.SimCLR(small_encoder(), center_weight=-1, **SMALL)


def test_loads_in_a_new_process_that_uses_no_name_of_the_package(tmp_path):
    model = build(kcs.methods.SimCLR, **SMALL)
    model.save(tmp_path / "model.keras")
    program = (
        "import keras, keras_center_ssl, sys;"
        f"model = keras.saving.load_model({str(tmp_path / 'model.keras')!r});"
        "print(type(model).__name__, type(model.optimizer).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["SimCLR", "SGD"], done.stderr[-2000:]
    assert "Skipping variable loading" not in done.stderr


def test_the_package_itself_imports_neither_keras_nor_tensorflow():
    program = (
        "import sys, keras_center_ssl as kcs; kcs.diagnose; kcs.geometry;"
        "print([m for m in ('keras', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_every_method_is_a_documented_keras_model():
    for name, method in kcs.methods.METHODS.items():
        assert getattr(kcs.methods, name) is method
        assert issubclass(method, keras.Model) and method.__doc__, name
        source = pathlib.Path(sys.modules[method.__module__].__file__)
        assert source.parent.name == "methods"
