import json
import zipfile

import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from keras_center_ssl.encoders.vit import PatchTokens
from tests.helpers.method_checks import FIGURES, digits_views


def images(rng, size=8, channels=1):
    return rng.random((3, size, size, channels), "float32")


@pytest.mark.parametrize(
    "make, width, parameters", [("vit_tiny", 192, 5_524_224), ("vit_small", 384, 21_665_280)]
)
def test_published_sizes(make, width, parameters):
    """5.7M and 22.1M in DeiT's table 1, with a classifier of 1,000 outputs on top."""
    encoder = getattr(kcs.encoders, make)()
    assert encoder.input_shape == (None, 224, 224, 3) and encoder.output_shape == (None, width)
    # 196 patches have a position, the class token has none of its own (width fewer).
    assert encoder.count_params() == parameters


@pytest.mark.parametrize("pool", ["class", "mean"])
def test_features(rng, pool):
    encoder = kcs.encoders.vit_tiny((8, 8, 1), depth=1, heads=2, pool=pool)
    features = encoder(images(rng))
    assert features.shape == (3, 192) and features.dtype == "float32"
    # Patches are not exchangeable: each has a position.
    x = images(rng)
    x[:, 4:, 4:], x[:, :4, :4] = x[:, :4, :4].copy(), x[:, 4:, 4:].copy()
    encoder.get_layer("tokens").positions.assign(rng.standard_normal((2, 2, 192)))
    assert not np.allclose(encoder(x), encoder(images(rng)), atol=1e-3)


def test_patches_default_to_4_pixels_for_small_images():
    assert kcs.encoders.vit_tiny((32, 32, 3), depth=1).get_layer("patches").kernel_size == (4, 4)
    small = kcs.encoders.vit_tiny((28, 28, 1), patch_size=7, depth=1)
    assert small.get_layer("tokens").output.shape == (None, 17, 192)


def test_another_size_interpolates_the_positions(rng):
    encoder = kcs.encoders.vit_tiny((16, 16, 1), depth=1)
    tokens = encoder.get_layer("tokens")
    assert tokens.positions.shape == (4, 4, 192)
    # A ramp stays a ramp where the grid gets finer, away from the border.
    ramp = np.broadcast_to(np.arange(4.0)[None, :, None], (4, 4, 192))
    tokens.positions.assign(ramp)
    patches = np.zeros((1, 8, 8, 192), "float32")
    out = np.asarray(tokens(patches))[0, 1:].reshape(8, 8, 192)
    np.testing.assert_allclose(out[2:-2, 3:5], np.tile([[[1.25], [1.75]]], (4, 1, 192)), atol=1e-5)
    for size in (8, 16, 24):
        assert kcs.encoders.encode(encoder, images(rng, size)).shape == (3, 192)
    same = kcs.encoders.encode(encoder, images(np.random.default_rng(1), 16))
    np.testing.assert_allclose(same, encoder(images(np.random.default_rng(1), 16)), atol=1e-5)


def test_stochastic_depth_is_random_in_training_only(rng):
    encoder = kcs.encoders.vit_tiny((8, 8, 1), depth=2, drop_path=0.5)
    x = images(rng)
    draws = [np.asarray(encoder(x, training=True)) for _ in range(8)]
    assert any(not np.allclose(draws[0], draw, atol=1e-4) for draw in draws[1:])
    np.testing.assert_array_equal(encoder(x), encoder(x))


def test_saves_and_loads(rng, tmp_path):
    encoder = kcs.encoders.vit_tiny((8, 8, 1), depth=1, pool="class", drop_path=0.1)
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.saving.load_model(tmp_path / "encoder.keras")
    x = images(rng, 12)
    np.testing.assert_allclose(
        kcs.encoders.encode(loaded, x), kcs.encoders.encode(encoder, x), atol=1e-5
    )


@pytest.mark.parametrize("pool", ["class", "mean"])
def test_plain_holds_stock_layers_only(rng, tmp_path, pool):
    encoder = kcs.encoders.vit_tiny((8, 8, 1), depth=1, pool=pool)
    encoder.set_weights([w + 0.1 * rng.standard_normal(w.shape) for w in encoder.get_weights()])
    copy = kcs.encoders.plain(encoder)
    x = images(rng)
    np.testing.assert_allclose(copy(x), encoder(x), atol=1e-5)
    copy.save(tmp_path / "plain.keras")
    config = zipfile.ZipFile(tmp_path / "plain.keras").read("config.json").decode()
    assert "keras_center_ssl" not in config
    np.testing.assert_allclose(
        keras.saving.load_model(tmp_path / "plain.keras")(x), copy(x), atol=1e-5
    )


@pytest.mark.parametrize("shape", [(None, None, 3), (32, None, 3)])
def test_any_size_is_refused(shape):
    with pytest.raises(kcs.InputError, match="a position for every patch"):
        kcs.encoders.vit_tiny(shape)


@pytest.mark.parametrize("class_token", [True, False])
def test_stock_tokens_are_the_layers_exactly(rng, class_token):
    layer = PatchTokens(class_token=class_token, name="tokens")
    patches = rng.standard_normal((3, 4, 5, 6)).astype("float32")
    layer(patches)
    layer.set_weights([rng.standard_normal(w.shape) for w in layer.get_weights()])
    np.testing.assert_array_equal(layer.stock()(patches), layer(patches))


@pytest.mark.tensorflow
def test_litert_reads_the_stock_tokens(rng, tmp_path):
    """It refuses a product without a sum, as an einsum of a vector is."""
    import tensorflow as tf

    layer = PatchTokens()
    patches = rng.standard_normal((1, 4, 5, 6)).astype("float32")
    expected = layer(patches)
    converter = tf.lite.TFLiteConverter.from_keras_model(layer.stock())
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], patches)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_exports_to_every_format(tmp_path):
    encoder = kcs.encoders.vit_tiny((8, 8, 1), depth=1)
    bundle = kcs.export.export_bundle(encoder, tmp_path / "bundle")
    record = json.loads((bundle / "metrics.json").read_text())
    assert record["requires"] == []
    assert record["parameters"] == encoder.count_params()  # not those of stand-ins
    assert all(record["parity"][name]["passed"] for name in ("keras", "saved_model", "onnx"))


def test_trains_with_dino_on_crops_of_two_sizes():
    keras.utils.set_random_seed(0)
    encoder = kcs.encoders.vit_tiny((16, 16, 1), depth=1, drop_path=0.1)
    model = kcs.methods.DINO(
        encoder,
        hidden_dim=32,
        bottleneck_dim=16,
        output_dim=64,
        momentum=0.99,
        teacher_temperature=0.04,
        batch_norm=True,
        frozen_epochs=0,
    )
    model.compile(keras.optimizers.AdamW(1e-3))
    views = kcs.views.dino(16, 8, local_views=1, flip=0.0, grey=0.0)
    data = digits_views(32, steps=6, views=views)
    positions = np.array(encoder.get_layer("tokens").positions)
    history = model.fit(data, epochs=2, verbose=0).history
    assert history["loss"][-1] < history["loss"][0], history["loss"]
    assert all(np.isfinite(history[name]).all() for name in FIGURES)
    assert not np.array_equal(encoder.get_layer("tokens").positions, positions)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (dict(input_shape=(30, 32, 3)), "multiples of patch_size"),
        (dict(heads=5), "divides"),
        (dict(depth=0), "depth"),
        (dict(pool="max"), "pool"),
        (dict(drop_path=1.0), "drop_path"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(kcs.InputError, match=words):
        kcs.encoders.vit_tiny(**{"input_shape": (32, 32, 3), **arguments})
