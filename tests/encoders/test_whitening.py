import keras
import numpy as np
import pytest
from keras import layers

import keras_center_ssl as kcs
from keras_center_ssl.encoders.whitening import whitening_matrix


def linear_encoder(mixing, offset):
    """Images `(n, 1, d, 1)` to `pixels @ mixing + offset`."""
    images = keras.Input((1, len(mixing), 1))
    dense = layers.Dense(mixing.shape[1])
    model = keras.Model(images, dense(layers.Flatten()(images)))
    dense.set_weights([mixing, offset])
    return model


@pytest.fixture
def encoder(rng):
    """Twelve directions of very different length, far from the origin."""
    mixing = rng.normal(size=(12, 12)) * np.logspace(0, -2, 12)
    return linear_encoder(mixing.astype("float32"), np.full(12, 3.0, "float32"))


@pytest.fixture
def images(rng):
    return rng.random((2000, 1, 12, 1), "float32")


def test_without_shrinkage_directions_are_uncorrelated_and_of_variance_1(encoder, images):
    model = kcs.encoders.whitened(encoder, images, shrinkage=0.0)
    z = model.predict(images, verbose=0).astype("float64")
    # Variances of 1e-4 of features around 3: float32 leaves about four digits of them.
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=5e-3)
    np.testing.assert_allclose(np.cov(z.T, bias=True), np.eye(12), atol=1e-2)


@pytest.mark.parametrize("shrinkage", [0.0, 0.1, 1.0])
def test_matches_a_reference(rng, shrinkage):
    z = rng.normal(size=(500, 6)) @ rng.normal(size=(6, 6))
    covariance = np.cov(z.T, bias=True)
    values = np.linalg.eigvalsh(covariance)
    expected = np.diag(values / ((1 - shrinkage) * values + shrinkage * values.mean()))
    matrix = whitening_matrix(covariance, shrinkage=shrinkage)
    np.testing.assert_allclose(matrix.T @ covariance @ matrix, expected[::-1, ::-1], atol=1e-8)
    # Two directions: those of the largest variance.
    two = whitening_matrix(covariance, 2, shrinkage)
    np.testing.assert_allclose(two, matrix[:, :2])


def test_arrays_bytes_and_streams_give_the_same_layer(encoder, rng):
    pixels = rng.integers(0, 256, (300, 1, 12, 1), "uint8")
    floats = pixels.astype("float32") / 255

    def weights(images):
        return kcs.encoders.whitened(encoder, images, batch_size=128).layers[-1].get_weights()

    stream = ((floats[i : i + 70], np.zeros(70)) for i in range(0, 300, 70))
    for other in (pixels, stream):
        for got, expected in zip(weights(other), weights(floats), strict=True):
            np.testing.assert_allclose(np.abs(got), np.abs(expected), rtol=1e-3, atol=1e-3)


def test_stock_layers_that_save_and_undo(encoder, images, tmp_path):
    model = kcs.encoders.whitened(encoder, images, dimensions=5)
    assert model.output_shape == (None, 5)
    assert isinstance(model.layers[-1], layers.Dense) and model.layers[-1].name == "whitening"
    model.save(tmp_path / "x.keras")
    again = keras.saving.load_model(tmp_path / "x.keras")
    np.testing.assert_allclose(again(images[:9]), model(images[:9]), atol=1e-5)
    inner = kcs.encoders.unwhitened(again)
    np.testing.assert_allclose(inner(images[:9]), encoder(images[:9]), atol=1e-5)
    assert kcs.encoders.unwhitened(encoder) is encoder
    with pytest.raises(kcs.InputError, match="whitened already"):
        kcs.encoders.whitened(model, images)


def test_our_own_encoders_come_out_in_stock_layers(rng):
    encoder = kcs.encoders.resnet_small((12, 12, 1), width=4, grid=2)
    model = kcs.encoders.whitened(encoder, rng.random((100, 12, 12, 1), "float32"))
    modules = {type(layer).__module__ for layer in model._flatten_layers()}
    assert not [name for name in modules if name.startswith("keras_center_ssl")]


def test_a_collapsed_encoder_is_named_before_the_layer_and_hidden_behind_it(rng):
    """Why collapse figures are those of the features before whitening."""
    mixing = rng.normal(size=(32, 2)) @ rng.normal(size=(2, 32))
    mixing += 1e-3 * rng.normal(size=(32, 32))
    encoder = linear_encoder(mixing.astype("float32"), np.zeros(32, "float32"))
    images = rng.normal(size=(2000, 1, 32, 1)).astype("float32")
    model = kcs.encoders.whitened(encoder, images, shrinkage=0.0)
    after = kcs.diagnose(model.predict(images, verbose=0))
    before = kcs.diagnose(kcs.encoders.unwhitened(model).predict(images, verbose=0))
    assert after.verdict == "healthy"
    assert before.verdict == "dimensional_collapse"


@pytest.mark.parametrize(
    "options, message",
    [
        ({"shrinkage": -0.1}, "shrinkage is a share"),
        ({"shrinkage": 2}, "shrinkage is a share"),
        ({"shrinkage": float("nan")}, "shrinkage is a share"),
        ({"dimensions": 0}, "1 to 12"),
        ({"dimensions": 13}, "1 to 12"),
        ({"dimensions": 2.5}, "1 to 12"),
    ],
)
def test_bad_settings(encoder, images, options, message):
    with pytest.raises(kcs.InputError, match=message):
        kcs.encoders.whitened(encoder, images, **options)


def test_too_few_images(encoder, images):
    with pytest.raises(kcs.InputError, match="at least 13"):
        kcs.encoders.whitened(encoder, images[:12], shrinkage=0)
    with pytest.warns(UserWarning, match="12 images show at most 11 of 12"):
        model = kcs.encoders.whitened(encoder, images[:12], shrinkage=0.1)
    assert np.isfinite(model.predict(images, verbose=0)).all()
    with pytest.raises(kcs.InputError, match="2 or more"):
        kcs.encoders.whitened(encoder, images[:1])
    with pytest.raises(kcs.InputError, match="2 or more"):
        kcs.encoders.whitened(encoder, images[:0])


def test_features_without_variance_and_features_that_are_not_finite(images):
    constant = linear_encoder(np.zeros((12, 3), "float32"), np.ones(3, "float32"))
    with pytest.raises(kcs.InputError, match="same for all images"):
        kcs.encoders.whitened(constant, images)
    broken = linear_encoder(np.full((12, 3), np.nan, "float32"), np.ones(3, "float32"))
    with pytest.raises(kcs.InputError, match="not finite"):
        kcs.encoders.whitened(broken, images)
    with pytest.raises(kcs.InputError, match="Received images of shape"):
        kcs.encoders.whitened(constant, images[..., 0])
