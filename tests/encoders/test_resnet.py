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
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(kcs.InputError, match=message):
        kcs.encoders.resnet18(**arguments)
    with pytest.raises(kcs.InputError, match="whole numbers from 1"):
        kcs.encoders.resnet_small((8, 8, 1), blocks=0)
