import keras
import numpy as np
import pytest
from keras import layers

import keras_center_ssl as kcs
from keras_center_ssl.encoders import encode


def images(rng, size):
    return rng.random((4, size, size, 1), "float32")


def test_another_size_gives_what_an_encoder_of_that_size_gives(rng):
    encoder = kcs.encoders.resnet_small((16, 16, 1), width=4)
    smaller = kcs.encoders.resnet_small((8, 8, 1), width=4)
    smaller.set_weights(encoder.get_weights())
    x = images(rng, 8)
    np.testing.assert_allclose(encode(encoder, x), smaller(x), atol=1e-5)
    trained = encode(encoder, x, training=True)
    np.testing.assert_allclose(trained, smaller(x, training=True), atol=1e-5)
    # The running statistics followed, as in any forward pass in training.
    for one, two in zip(encoder.get_weights(), smaller.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_its_own_size_and_free_sizes_go_the_usual_way(rng):
    encoder = kcs.encoders.resnet_small((16, 16, 1), width=4)
    x = images(rng, 16)
    np.testing.assert_array_equal(encode(encoder, x), encoder(x))
    inputs = keras.Input((None, None, 1))
    free = keras.Model(inputs, layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3)(inputs)))
    assert encode(free, images(rng, 9)).shape == (4, 3)


def flat():
    return keras.Sequential([keras.Input((16, 16, 1)), layers.Flatten()])


def flat_dense():
    return keras.Sequential([keras.Input((16, 16, 1)), layers.Flatten(), layers.Dense(3)])


def nested():
    inputs = keras.Input((16, 16, 1))
    return keras.Model(inputs, kcs.encoders.resnet_small((16, 16, 1), width=4)(inputs))


@pytest.mark.parametrize("make", [flat, flat_dense, nested])
def test_encoders_that_are_bound_to_their_size_are_named(rng, make):
    with pytest.raises(kcs.InputError, match="16 x 16 pixels and cannot take views of 8 x 8"):
        encode(make(), images(rng, 8))
