import keras
import numpy as np
import pytest

import keras_center_ssl as kcs


@pytest.mark.parametrize(
    "build, features, parameters",
    [
        (lambda: kcs.encoders.resnet_small((28, 28, 1)), 64, 77_000),
        (lambda: kcs.encoders.resnet_small((28, 28, 3), width=8, blocks=2), 32, 44_000),
        (lambda: kcs.encoders.resnet18((32, 32, 3), stem="small"), 512, 11_170_000),
        (lambda: kcs.encoders.resnet50((224, 224, 3)), 2048, 23_510_000),
    ],
)
def test_sizes(build, features, parameters):
    encoder = build()
    assert encoder.output_shape == (None, features)
    trainable = sum(int(np.prod(v.shape)) for v in encoder.trainable_variables)
    assert trainable == pytest.approx(parameters, rel=0.01)


@pytest.mark.parametrize("stem, side", [("small", 64), ("standard", 16)])
def test_the_standard_stem_divides_by_four(stem, side):
    encoder = kcs.encoders.resnet18((64, 64, 3), stem=stem)
    assert encoder.get_layer("stage1_block1").output.shape[1] == side


def test_auto_stem_goes_by_the_size():
    names = {
        size: {layer.name for layer in kcs.encoders.resnet18((size, size, 3)).layers}
        for size in (32, 96)
    }
    assert "stem_pool" not in names[32] and "stem_pool" in names[96]


@pytest.mark.parametrize("stem", ["small", "standard"])
def test_any_size(rng, stem):
    free = kcs.encoders.resnet_small((None, None, 3), width=4, stem=stem)
    assert free.input_shape == (None, None, None, 3) and free.output_shape == (None, 16)
    for size in ((16, 16), (24, 37)):
        known = kcs.encoders.resnet_small((*size, 3), width=4, stem=stem)
        known.set_weights(free.get_weights())
        images = rng.random((2, *size, 3), "float32")
        np.testing.assert_allclose(free(images), known(images), atol=1e-5)
    assert "stem_pool" in {layer.name for layer in kcs.encoders.resnet18((None, None, 3)).layers}
    assert kcs.encoders.resnet_small((None, 32, 1), width=4).input_shape == (None, None, 32, 1)


def test_features_are_finite_float32_in_mixed_precision(rng):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        encoder = kcs.encoders.resnet_small((16, 16, 5), width=4)
    finally:
        keras.config.set_dtype_policy("float32")
    features = encoder(rng.random((2, 16, 16, 5), "float32"), training=True)
    assert keras.backend.standardize_dtype(features.dtype) == "float32"
    assert np.isfinite(features).all()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(stem="smal"), "Did you mean 'small'"),
        (dict(input_shape=(32, 32)), r"\(height, width, channels\)"),
        (dict(input_shape=(4, 4, 1)), "at least 8 x 8"),
        (dict(input_shape=(None, 4, 1)), "at least 8 x 8"),
        (dict(input_shape=(32, 32, None)), r"\(None, None, 3\) for any size"),
        (dict(input_shape=(None, None, 3), grid=2), "feature maps of a known size"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(kcs.InputError, match=message):
        kcs.encoders.resnet18(**arguments)
    with pytest.raises(kcs.InputError, match="whole numbers from 1"):
        kcs.encoders.resnet_small((8, 8, 1), blocks=0)
