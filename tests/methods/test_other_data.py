"""Series, rows of a table and tokens train the methods that images do."""

import keras
import numpy as np
import pytest

import keras_center_ssl as kcs

HEADS = {"hidden_dim": 16, "output_dim": 8}


def series(rng):
    """A convolution over time, on `(B, 12, 2)`."""
    inputs = keras.Input((12, 2))
    x = keras.layers.Conv1D(8, 3, activation="relu")(inputs)
    encoder = keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(x))
    return encoder, rng.standard_normal((32, 12, 2)).astype("float32")


def rows(rng):
    encoder = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, activation="relu")])
    return encoder, rng.standard_normal((32, 6)).astype("float32")


def tokens(rng):
    """An embedding of integers, which must reach it as they are."""
    inputs = keras.Input((9,), dtype="int32")
    x = keras.layers.Embedding(300, 8)(inputs)
    encoder = keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(x))
    return encoder, rng.integers(256, 300, (32, 9)).astype("int32")


def views(x, rng):
    if x.dtype == "int32":
        return tuple(np.where(rng.random(x.shape) < 0.2, 0, x) for _ in range(2))
    return tuple((x + 0.1 * rng.standard_normal(x.shape)).astype("float32") for _ in range(2))


DATA = pytest.mark.parametrize("data", [series, rows, tokens])


@DATA
@pytest.mark.parametrize("method", [kcs.methods.SimCLR, kcs.methods.BYOL])
def test_it_trains_predicts_and_comes_back(data, method, rng, tmp_path):
    encoder, x = data(rng)
    model = method(encoder, **HEADS)
    model.compile(keras.optimizers.SGD(0.1))
    history = model.fit(views(x, rng), batch_size=16, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all() and 0 <= history["center_norm"][-1] <= 1.0001
    features = model.predict(x, verbose=0)
    assert features.shape == (32, 8)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), features, rtol=1e-6, atol=1e-6)


def test_the_loss_is_that_of_the_same_numbers_as_images(rng):
    """A table as `(B, C)` and as pixels `(B, 1, 1, C)`, from the same weights."""
    losses = []
    flat, x = rows(rng)
    pair = views(x, rng)
    image = keras.Input((1, 1, 6))
    for encoder, shape in (
        (flat, (32, 6)),
        (keras.Model(image, flat(keras.layers.Flatten()(image))), (32, 1, 1, 6)),
    ):
        keras.utils.set_random_seed(1)
        model = kcs.methods.SimCLR(encoder, **HEADS)
        model.compile(keras.optimizers.SGD(0.0))
        given = tuple(view.reshape(shape) for view in pair)
        losses.append(model.evaluate(given, verbose=0, return_dict=True)["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize(
    "given, message",
    [
        ((32, 8, 8, 1), r"at least 2 views, each \(B, 12, 2\); received a tensor of shape \(32, 8"),
        ((32, 12, 3), r"takes inputs of shape \(12, 2\); the views are of shape \(12, 3\)"),
    ],
)
def test_views_of_another_shape_are_refused_in_words(given, message, rng):
    model = kcs.methods.SimCLR(series(rng)[0], **HEADS)
    model.compile("sgd")
    with pytest.raises(kcs.InputError, match=message):
        model.fit((np.zeros(given, "float32"),) * 2, verbose=0)


def test_one_batch_is_no_pair_of_views(rng):
    encoder, x = series(rng)
    model = kcs.methods.SimCLR(encoder, **HEADS)
    model.compile("sgd")
    with pytest.raises(kcs.InputError, match=r"dataset.map\(lambda x: \(\(view\(x\), view\(x\)\)"):
        model.fit(x, verbose=0)
    with pytest.raises(kcs.InputError, match=r"batch of inputs \(B, 12, 2\); received a tensor"):
        model.predict(x[0], verbose=0)
