"""Encoders of others through the same door: exported, published, loaded, with the same features.

No weights are fetched: what is tested is the architecture's way through the formats.
"""

import keras
import numpy as np
import pytest
from keras import layers

import keras_center_ssl as kcs

SIZE = 32
# Architecture -> arguments beside weights, top and size. All scale bytes in the graph themselves.
APPLICATIONS = {
    "MobileNetV3Small": {"include_preprocessing": True},
    "EfficientNetV2B0": {"include_preprocessing": True},
    "ConvNeXtTiny": {"include_preprocessing": True},
    "ResNet50": {},
}


def from_pixels(backbone):
    """An encoder of images in [0, 1] from a backbone that takes 0 to 255."""
    images = keras.Input(backbone.input_shape[1:], name="images")
    return keras.Model(images, backbone(layers.Rescaling(255.0)(images)), name=backbone.name)


def goes_through(encoder, tmp_path, rng):
    """Exports, publishes, downloads and loads; the features are those of `as_encoder`."""
    bundle = kcs.export.export_bundle(
        encoder,
        tmp_path / "encoder",
        formats=("keras", "onnx"),
        metadata={"license": "apache-2.0", "dataset": "none"},
    )
    entry = kcs.zoo.publish(bundle, tmp_path / "zoo")
    assert entry.formats == ("keras", "onnx") and entry.license == "apache-2.0"
    images = rng.random((3, *entry.input_shape), "float32")
    expected = kcs.encoders.as_encoder(encoder).predict(images, verbose=0)
    assert expected.shape == (3, entry.feature_dim)
    scale = np.sqrt(np.mean(expected**2))
    loaded = kcs.zoo.load("encoder", tmp_path / "zoo", tmp_path / "cache")
    np.testing.assert_allclose(
        loaded.predict(images, verbose=0) / scale, expected / scale, atol=1e-4
    )
    path = kcs.zoo.download("encoder", "onnx", tmp_path / "zoo", tmp_path / "cache")
    np.testing.assert_allclose(
        kcs.OnnxEncoder(path).embed(images) / scale, expected / scale, atol=1e-4
    )


def application(name, **options):
    return getattr(keras.applications, name)(
        weights=None, include_top=False, input_shape=(SIZE, SIZE, 3), **options
    )


def test_the_smallest_of_keras_applications(tmp_path, rng):
    backbone = application("MobileNetV3Small", minimalistic=True, include_preprocessing=True)
    goes_through(from_pixels(backbone), tmp_path, rng)


@pytest.mark.slow
@pytest.mark.parametrize("name", APPLICATIONS)
def test_keras_applications(name, tmp_path, rng):
    goes_through(from_pixels(application(name, **APPLICATIONS[name])), tmp_path, rng)


def tokens():
    """A backbone that gives tokens `(B, T, D)`, as vision transformers of others do."""
    images = keras.Input((16, 16, 3))
    grid = layers.Conv2D(8, 4, strides=4)(images)
    sequence = layers.Reshape((16, 8))(grid)
    attended = layers.MultiHeadAttention(2, 4)(sequence, sequence)
    return keras.Model(images, attended, name="tokens")


def test_tokens_are_refused_with_advice(tmp_path):
    with pytest.raises(kcs.InputError, match=r"\(None, 16, 8\).*pooling layer"):
        kcs.export.export_bundle(tokens(), tmp_path / "encoder")


@pytest.mark.parametrize(
    "adapt",
    [lambda x: x[:, 0], lambda x: layers.GlobalAveragePooling1D()(x)],
    ids=["first token", "mean of tokens"],
)
def test_tokens_through_an_adapter(adapt, tmp_path, rng):
    backbone = tokens()
    images = keras.Input((16, 16, 3))
    goes_through(keras.Model(images, adapt(backbone(images)), name="adapted"), tmp_path, rng)


@pytest.mark.slow
def test_keras_hub_s_resnet(tmp_path, rng):
    models = pytest.importorskip("keras_hub", reason="keras-hub is not installed").models
    backbone = models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64, 64],
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="basic_block",
        image_shape=(SIZE, SIZE, 3),
    )
    goes_through(backbone, tmp_path, rng)


@pytest.mark.slow
def test_keras_hub_s_vit_through_the_adapter(tmp_path, rng):
    models = pytest.importorskip("keras_hub", reason="keras-hub is not installed").models
    backbone = models.ViTBackbone(
        image_shape=(SIZE, SIZE, 3),
        patch_size=8,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        mlp_dim=32,
    )
    images = keras.Input((SIZE, SIZE, 3))
    goes_through(keras.Model(images, backbone(images)[:, 0], name="vit"), tmp_path, rng)
