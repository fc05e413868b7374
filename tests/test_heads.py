import numpy as np
import pytest

from keras_center_ssl import heads


@pytest.mark.parametrize(
    "arguments, names",
    [
        ({}, ["dense_1", "bn_1", "relu_1", "dense_2", "embedding"]),
        (dict(batch_norm=False), ["dense_1", "relu_1", "dense_2", "embedding"]),
        (
            dict(last_batch_norm="plain"),
            ["dense_1", "bn_1", "relu_1", "dense_2", "bn_2", "embedding"],
        ),
    ],
)
def test_layers_are_as_declared(arguments, names):
    head = heads.mlp(6, [10, 4], **arguments)
    assert [layer.name for layer in head.layers] == names
    assert head(np.zeros((3, 6), "float32")).shape == (3, 4)


def test_plain_last_batch_norm_has_nothing_to_learn(rng):
    head = heads.mlp(6, [10, 4], last_batch_norm="plain")
    assert head.get_layer("bn_2").trainable_variables == []
    assert head.get_layer("dense_2").use_bias is False
    z = np.asarray(head(rng.standard_normal((64, 6)).astype("float32"), training=True))
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(z.std(0), 1, atol=1e-2)
