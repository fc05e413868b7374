"""The fused batch norm gives the stock layer's numbers: outputs, gradients, running statistics."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_center_ssl as kcs


@pytest.mark.parametrize("shape", [(6, 5, 4, 3), (16, 7)])
@pytest.mark.parametrize("affine", [True, False])
def test_same_numbers_as_keras(rng, shape, affine):
    arguments = dict(momentum=0.8, epsilon=1e-4, center=affine, scale=affine)
    layers = [
        cls(**arguments)
        for cls in (keras.layers.BatchNormalization, kcs.encoders.BatchNormalization)
    ]
    outputs, gradients, states = [], [], []
    x = tf.constant(3 * rng.standard_normal(shape) + 2, "float32")
    weights = tf.constant(rng.standard_normal(shape), "float32")
    for layer in layers:
        layer.build(shape)
        if affine:
            layer.gamma.assign(np.linspace(0.5, 2, shape[-1]))
            layer.beta.assign(np.linspace(-1, 1, shape[-1]))
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
            loss = tf.reduce_sum(weights * y)
        outputs.append([y, layer(x, training=False)])
        gradients.append(tape.gradient(loss, [x, *layer.trainable_variables]))
        states.append([layer.moving_mean, layer.moving_variance])
    for stock, fused in _pairs(outputs, gradients, states):
        np.testing.assert_allclose(fused, stock, rtol=2e-4, atol=2e-5)


def _pairs(*groups):
    for stock, fused in groups:
        yield from zip(stock, fused, strict=True)


def test_half_precision_keeps_float32_statistics(rng):
    layer = kcs.encoders.BatchNormalization(dtype="mixed_bfloat16")
    y = layer(rng.standard_normal((8, 4, 4, 3)).astype("float32"), training=True)
    assert y.dtype == "bfloat16"
    assert layer.moving_mean.dtype == layer.gamma.dtype == "float32"


def test_frozen_layer_uses_its_running_statistics(rng):
    layer = kcs.encoders.BatchNormalization()
    x = rng.standard_normal((8, 4)).astype("float32") + 5
    layer.build(x.shape)
    layer.trainable = False
    np.testing.assert_allclose(layer(x, training=True), layer(x, training=False), rtol=1e-5)
    np.testing.assert_array_equal(layer.moving_mean, np.zeros(4))
