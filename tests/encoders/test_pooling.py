import keras
import numpy as np
import pytest
from keras import layers

import keras_center_ssl as kcs
from keras_center_ssl.encoders.pooling import cells


def by_hand(maps, grid):
    """Means over cells, with loops."""
    n, height, width, dim = maps.shape
    (size_y, size_x), (step_y, step_x) = cells(height, width, grid)
    means = [
        maps[:, y : y + size_y, x : x + size_x].mean(axis=(1, 2))
        for y in range(0, grid * step_y, step_y)
        for x in range(0, grid * step_x, step_x)
    ]
    return np.concatenate(means, axis=1).reshape(n, grid * grid * dim)


@pytest.mark.parametrize("height, width, grid", [(7, 7, 2), (7, 7, 3), (8, 6, 2), (5, 9, 4)])
def test_means_over_cells_that_cover_the_map(rng, height, width, grid):
    maps = rng.random((3, height, width, 5), "float32")
    layer = kcs.encoders.GridPooling(grid)
    np.testing.assert_allclose(layer(maps), by_hand(maps, grid), rtol=1e-5)
    sizes, strides = cells(height, width, grid)
    for side, size, stride in zip((height, width), sizes, strides, strict=True):
        covered = {p for i in range(grid) for p in range(i * stride, i * stride + size)}
        assert covered == set(range(side))


def test_a_known_case():
    image = np.arange(16.0, dtype="float32").reshape(1, 4, 4, 1)
    np.testing.assert_allclose(kcs.encoders.GridPooling(2)(image), [[2.5, 4.5, 10.5, 12.5]])
    np.testing.assert_allclose(kcs.encoders.GridPooling(1)(image), [[7.5]])


def test_resnets_take_a_grid_and_their_plain_copies_agree(rng, tmp_path):
    encoder = kcs.encoders.resnet_small((28, 28, 1), width=4, grid=2)
    assert encoder.output_shape == (None, 64)
    images = rng.random((3, 28, 28, 1), "float32")
    encoder(images, training=True)
    plain = kcs.encoders.plain(encoder)
    assert not any(type(x).__module__.startswith("keras_center") for x in plain._flatten_layers())
    np.testing.assert_allclose(plain(images), encoder(images), atol=1e-5)
    encoder.save(tmp_path / "x.keras")
    loaded = keras.saving.load_model(tmp_path / "x.keras")
    np.testing.assert_allclose(loaded(images), encoder(images), atol=1e-5)
    # The mean of four cells of equal size is the global mean.
    whole = kcs.encoders.resnet_small((16, 16, 1), width=4)
    cells2 = kcs.encoders.resnet_small((16, 16, 1), width=4, grid=2)
    cells2.set_weights(whole.get_weights())
    small = rng.random((3, 16, 16, 1), "float32")
    means = np.asarray(cells2(small)).reshape(3, 4, 16).mean(axis=1)
    np.testing.assert_allclose(means, whole(small), atol=1e-5)


def test_smaller_views_have_the_same_cells(rng):
    encoder = kcs.encoders.resnet_small((28, 28, 1), width=4, grid=2)
    crops = rng.random((2, 16, 16, 1), "float32")
    assert kcs.encoders.encode(encoder, crops).shape == (2, 64)


def test_any_feature_map_takes_a_grid(rng):
    images = keras.Input((12, 12, 3))
    maps = keras.Model(images, layers.Conv2D(6, 3)(images))
    encoder = kcs.encoders.as_encoder(maps, grid=3)
    batch = rng.random((2, 12, 12, 3), "float32")
    np.testing.assert_allclose(encoder(batch), by_hand(np.asarray(maps(batch)), 3), rtol=1e-4)


def test_methods_train_on_a_grid(rng):
    encoder = kcs.encoders.resnet_small((12, 12, 1), width=4, grid=2)
    model = kcs.methods.SimCLR(encoder, hidden_dim=8, output_dim=4)
    model.compile("sgd")
    views = tuple(rng.random((8, 12, 12, 1), "float32") for _ in range(2))
    assert np.isfinite(model.fit(views, batch_size=4, verbose=0).history["loss"]).all()
    assert model.predict(views[0], verbose=0).shape == (8, 64)


@pytest.mark.parametrize("grid", [0, -1, 1.5, True, "2", None])
def test_a_grid_is_a_whole_number_from_1(grid):
    with pytest.raises(kcs.InputError, match="whole number from 1"):
        kcs.encoders.resnet_small((12, 12, 1), grid=grid)


def test_a_grid_needs_positions():
    with pytest.raises(kcs.InputError, match="at least 4 x 4 positions; received 3 x 3"):
        kcs.encoders.resnet_small((12, 12, 1), grid=4)
    features = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten()])
    with pytest.raises(kcs.InputError, match="no positions any more"):
        kcs.encoders.as_encoder(features, grid=2)


def test_a_vit_gives_class_token_mean_or_both(rng):
    def vit(pool):
        keras.utils.set_random_seed(0)
        return kcs.encoders.vit_tiny((16, 16, 1), patch_size=8, depth=1, pool=pool)

    images = rng.random((2, 16, 16, 1), "float32")
    both = np.asarray(vit("class+mean")(images))
    assert both.shape == (2, 384)
    np.testing.assert_allclose(both[:, :192], vit("class")(images), atol=1e-5)
    encoder = vit("class+mean")
    tokens = keras.Model(encoder.input, encoder.get_layer("norm").output)(images)
    np.testing.assert_allclose(both[:, 192:], np.mean(tokens[:, 1:], axis=1), atol=1e-5)
    np.testing.assert_allclose(kcs.encoders.plain(encoder)(images), both, atol=1e-5)
