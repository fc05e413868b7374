"""`embed`: every image once, in order, whatever holds the images."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_center_ssl as kcs
from keras_center_ssl.errors import InputError
from keras_center_ssl.evaluation import embed


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, size=(11, 6, 6, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def encoder():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((6, 6, 3))
    x = keras.layers.Conv2D(4, 3)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    return keras.Model(inputs, keras.layers.Flatten()(x))


@pytest.fixture
def expected(encoder, images):
    return np.asarray(encoder(images.astype("float32") / 255, training=False))


@pytest.mark.parametrize("batch_size", [1, 4, 11, 256])
def test_array_in_order_in_inference_mode(encoder, images, expected, batch_size):
    features = embed(encoder, images, batch_size=batch_size)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, atol=1e-5)


def test_floats_and_bytes_are_the_same_images(encoder, images, expected):
    np.testing.assert_allclose(embed(encoder, images / 255.0), expected, atol=1e-5)


def test_datasets_of_every_shape_of_element(encoder, images, expected):
    floats, labels = images.astype("float32") / 255, np.arange(11)
    elements = [
        images,
        (images, labels),
        ((floats, 1 - floats), labels),
        ((floats, 1 - floats),),
        (floats, 1 - floats),
        {"image": images, "label": labels},
    ]
    for element in elements:
        dataset = tf.data.Dataset.from_tensor_slices(element).batch(4)
        np.testing.assert_allclose(embed(encoder, dataset), expected, atol=1e-5)


def test_traced_once_although_the_last_batch_is_partial(images):
    class Counting(keras.Model):
        traces = 0

        def call(self, x):
            Counting.traces += 1
            return keras.ops.mean(x, axis=(1, 2))

    model = Counting()
    model(images[:2].astype("float32"))
    Counting.traces = 0
    features = embed(model, images, batch_size=4)
    assert Counting.traces == 1
    np.testing.assert_allclose(features, images.mean(axis=(1, 2)) / 255, atol=1e-5)


def test_grey_images_get_a_channel_and_feature_maps_are_averaged(rng):
    grey = rng.uniform(size=(5, 6, 6))
    inputs = keras.Input((6, 6, 1))
    model = keras.Model(inputs, keras.layers.Conv2D(3, 3)(inputs))
    maps = np.asarray(model(grey[..., None].astype("float32")))
    np.testing.assert_allclose(embed(model, grey, 2), maps.mean(axis=(1, 2)), atol=1e-5)
    dataset = tf.data.Dataset.from_tensor_slices(grey).batch(2)
    np.testing.assert_allclose(embed(model, dataset), maps.mean(axis=(1, 2)), atol=1e-5)


def test_a_method_gives_the_features_of_its_encoder(rng):
    images = rng.integers(0, 256, size=(5, 16, 16, 3), dtype=np.uint8)
    encoder = kcs.encoders.resnet_small(input_shape=(16, 16, 3), width=4)
    method = kcs.methods.SimCLR(encoder=encoder)
    np.testing.assert_allclose(embed(method, images), embed(encoder, images, 2), atol=1e-5)
    with pytest.raises(InputError, match=r"\(8, 16, 3\).*built for \(16, 16, 3\)"):
        embed(method, images[:, :8])


def test_any_callable(images):
    features = embed(lambda batch: batch.reshape(len(batch), -1), images, batch_size=4)
    np.testing.assert_allclose(features, images.reshape(11, -1) / 255, atol=1e-5)


def test_sees_weights_that_changed_since_the_last_call(images):
    inputs = keras.Input((6, 6, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
    before = embed(model, images)
    model.set_weights([2 * weight for weight in model.get_weights()])
    np.testing.assert_allclose(embed(model, images), 2 * before, rtol=1e-5)


class TestRefuses:
    @pytest.mark.parametrize(
        ("dataset", "message"),
        [
            (np.full((3, 6, 6, 3), 200.0), r"from 0 to 200"),
            (np.full((3, 6, 6, 3), -1.0), r"from -1 to 0"),
            (np.ones((3, 6, 6, 3), dtype=np.int64), "int64"),
            (np.ones((6, 6)), r"shape \(6, 6\)"),
            (np.ones((3, 8, 8, 3)), r"\(8, 8, 3\).*built for \(6, 6, 3\)"),
            (np.ones((3, 6, 6)), r"\(6, 6, 1\).*built for \(6, 6, 3\)"),
            (np.ones((0, 6, 6, 3)), "without images"),
            ("somewhere", "type str"),
            (None, "type NoneType"),
        ],
    )
    def test_images(self, encoder, dataset, message):
        with pytest.raises(InputError, match=message):
            embed(encoder, dataset)

    def test_broken_pixels_by_number(self, encoder, images):
        floats = images / 255.0
        floats[[7, 9], 2, 2, 0] = np.nan, np.inf
        with pytest.raises(InputError, match=r"first is number 7"):
            embed(encoder, floats, batch_size=4)

    def test_datasets(self, encoder, images):
        dataset = tf.data.Dataset.from_tensor_slices(images)
        with pytest.raises(InputError, match=r"\.batch\(256\)"):
            embed(encoder, dataset)
        with pytest.raises(InputError, match="endless"):
            embed(encoder, dataset.batch(4).repeat())
        with pytest.raises(InputError, match="keys"):
            embed(encoder, tf.data.Dataset.from_tensor_slices({"pixels": images}).batch(4))

    def test_encoders(self, images):
        inputs = keras.Input((6, 6, 3))
        flat = keras.layers.Flatten()(inputs)
        with pytest.raises(InputError, match="2 outputs"):
            embed(keras.Model(inputs, [flat, flat]), images)
        with pytest.raises(InputError, match=r"features of shape \(11,\)"):
            embed(lambda batch: batch.mean(axis=(1, 2, 3)), images)
        with pytest.raises(InputError, match="type int"):
            embed(3, images)
        with pytest.raises(InputError, match="batch_size=0"):
            embed(lambda batch: batch, images, batch_size=0)
