import keras
import numpy as np
import pytest
from keras import layers

import keras_center_ssl as kcs


def functional(outputs=1, rank=4):
    images = keras.Input((12, 12, 3))
    maps = [layers.Conv2D(6, 3, name=f"maps{i}")(images) for i in range(outputs)]
    if rank == 2:
        maps = [layers.GlobalAveragePooling2D()(m) for m in maps]
    return keras.Model(images, maps if outputs > 1 else maps[0])


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(5, 3)

    def call(self, x):
        return self.conv(x)


def test_features_pass_and_feature_maps_are_averaged(rng):
    encoder = functional(rank=2)
    assert kcs.encoders.as_encoder(encoder) is encoder
    maps = functional(rank=4)
    images = rng.random((3, 12, 12, 3), "float32")
    np.testing.assert_allclose(
        kcs.encoders.as_encoder(maps)(images), np.mean(maps(images), axis=(1, 2)), atol=1e-5
    )


def test_subclassed_and_sequential_models_once_built(rng):
    model = Subclassed()
    images = rng.random((3, 12, 12, 3), "float32")
    expected = np.mean(model(images), axis=(1, 2))
    encoder = kcs.encoders.as_encoder(model)
    assert encoder.output_shape == (None, 5)
    np.testing.assert_allclose(encoder(images), expected, atol=1e-5)
    sequential = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(4)])
    assert kcs.encoders.as_encoder(sequential).output_shape == (None, 4)


def test_keras_applications_backbone_trains():
    backbone = keras.applications.MobileNetV3Small(
        input_shape=(32, 32, 3), include_top=False, weights=None
    )
    assert kcs.encoders.as_encoder(backbone).output_shape == (None, 576)


@pytest.mark.parametrize(
    "model, message",
    [
        (lambda: functional(outputs=2), "2 outputs"),
        (lambda: Subclassed(), "Call it once"),
        (lambda: lambda x: x, "keras.Model from images to features; received function"),
        (
            lambda: keras.Sequential([keras.Input(()), layers.Lambda(lambda x: x[:, None])]),
            r"series \(B, T, C\) or rows \(B, C\); the input of .* has shape \(None,\)",
        ),
        (
            lambda: keras.Sequential([keras.Input((8, 8, 1)), layers.Reshape((8, 8))]),
            r"\(B, D\) or feature maps",
        ),
    ],
)
def test_unfit_models_are_refused_with_advice(model, message):
    with pytest.raises(kcs.InputError, match=message):
        kcs.encoders.as_encoder(model())
    with pytest.raises(kcs.InputError, match=message):
        kcs.methods.SimCLR(model(), hidden_dim=8, output_dim=4)


def test_plain_has_stock_layers_and_the_same_features(rng):
    encoder = kcs.encoders.resnet_small((16, 16, 3), width=4)
    images = rng.random((4, 16, 16, 3), "float32")
    for _ in range(3):
        encoder(images, training=True)
    copy = kcs.encoders.plain(encoder)
    assert not any(type(layer).__module__.startswith("keras_center") for layer in copy.layers)
    np.testing.assert_allclose(copy(images), encoder(images), atol=1e-5)
    nested_input = keras.Input((16, 16, 3))
    nested = keras.Model(nested_input, layers.Dense(3)(encoder(nested_input)))
    np.testing.assert_allclose(kcs.encoders.plain(nested)(images), nested(images), atol=1e-5)
