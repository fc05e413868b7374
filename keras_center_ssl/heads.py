"""Projection and prediction heads: small multi-layer perceptrons behind the encoder.

`mlp` is the one building block; a method's head is one call that names its widths.
"""

import keras
from keras import layers

from keras_center_ssl.encoders.normalization import BatchNormalization

LAST_LAYERS = (None, "affine", "plain")


def mlp(
    input_dim,
    widths,
    *,
    batch_norm=True,
    last_batch_norm=None,
    last_bias=True,
    name="projector",
):
    """A multi-layer perceptron: hidden layers with batch norm and ReLU, then a linear layer.

    Args:
        input_dim: Dimension of the input.
        widths: Output width of every layer; the last is the embedding's dimension.
        batch_norm: Whether hidden layers are batch-normalised (and then have no bias).
        last_batch_norm: Batch norm behind the last layer: `None`, `"affine"` (scale and offset
            are learned) or `"plain"` (they are not, as SimSiam's projector ends).
        last_bias: Whether the last layer has a bias, when no batch norm follows it.
        name: Name of the model.

    Returns:
        A built `keras.Sequential`, `(B, input_dim)` to `(B, widths[-1])` in float32.
    """
    *hidden, last = widths
    head = keras.Sequential(name=name)
    head.add(keras.Input((input_dim,)))
    for index, width in enumerate(hidden):
        head.add(layers.Dense(width, use_bias=not batch_norm, name=f"dense_{index + 1}"))
        if batch_norm:
            head.add(BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"bn_{index + 1}"))
        head.add(layers.ReLU(name=f"relu_{index + 1}"))
    index = len(hidden) + 1
    head.add(
        layers.Dense(last, use_bias=last_bias and last_batch_norm is None, name=f"dense_{index}")
    )
    if last_batch_norm is not None:
        affine = last_batch_norm == "affine"
        head.add(
            BatchNormalization(
                momentum=0.9, epsilon=1e-5, center=affine, scale=affine, name=f"bn_{index}"
            )
        )
    head.add(layers.Activation("linear", dtype="float32", name="embedding"))
    return head
