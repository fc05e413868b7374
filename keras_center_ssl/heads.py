"""Projection and prediction heads: small multi-layer perceptrons after the encoder.

`mlp` is the one building block; a method's head is one call that names its widths.
"""

from keras_center_ssl import keras_needed  # noqa: F401

# isort: split

import keras
from keras import layers, ops

from keras_center_ssl.encoders.normalization import BatchNormalization
from keras_center_ssl.numerics import full_precision, unit_length

LAST_LAYERS = (None, "affine", "plain")


def mlp(
    input_dim,
    widths,
    *,
    batch_norm=True,
    last_batch_norm=None,
    last_bias=True,
    activation="relu",
    name="projector",
):
    """A multi-layer perceptron: hidden layers with batch norm and ReLU, then a linear layer.

    Args:
        input_dim: Dimension of the input.
        widths: Output width of every layer; the last is the embedding's dimension.
        batch_norm: Whether hidden layers are batch-normalised (and then have no bias).
        last_batch_norm: Batch norm after the last layer: `None`, `"affine"` (scale and offset
            are learned) or `"plain"` (they are not, as SimSiam's projector ends).
        last_bias: Whether the last layer has a bias, when no batch norm follows it.
        activation: Of the hidden layers, any that Keras knows by name; DINO's is `"gelu"`.
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
        head.add(layers.Activation(activation, name=f"{activation}_{index + 1}"))
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
    head.add(layers.Activation("linear", dtype=full_precision(), name="embedding"))
    return head


def weight_normalized(input_dim, output_dim, name="prototypes"):
    """Cosine similarities with learned directions: the last layer of DINO's head.

    Returns:
        A built `keras.Sequential` of one `WeightNormalizedDense`, `(B, input_dim)` to
        `(B, output_dim)` in float32.
    """
    inputs = keras.Input((input_dim,))
    return keras.Sequential([inputs, WeightNormalizedDense(output_dim, name="cosine")], name=name)


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class WeightNormalizedDense(layers.Layer):
    """A linear layer, without bias, from L2-normalised inputs by weight vectors of length 1.

    Weight normalisation (Salimans & Kingma, arXiv 1602.07868) with its gain fixed at 1: only the
    directions are learned. Computes in float32, since a low temperature follows.

    Args:
        units: How many directions.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**{"dtype": full_precision(), **kwargs})
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.units),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        )

    def call(self, inputs):
        directions = unit_length(ops.convert_to_tensor(self.kernel), axis=0)
        return ops.matmul(unit_length(inputs), directions)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class Prototypes(layers.Layer):
    """Unit vectors that embeddings are compared with: SwAV's cluster centres.

    Embeddings `(B, dim)`, of any length, to their cosines with the prototypes `(B, count)`, in
    float32. Training moves the prototypes off the unit sphere: call `normalize` after each step.

    Args:
        dim: Dimension of the embeddings.
        count: Number of prototypes. They start in random directions.
    """

    def __init__(self, dim, count, **kwargs):
        super().__init__(dtype=full_precision(), **kwargs)
        self.dim = dim
        self.count = count
        self.kernel = self.add_weight(
            name="kernel",
            shape=(dim, count),
            initializer=_unit_columns,
            # `normalize` assigns on every replica, the same value on each.
            aggregation="mean",
        )
        self.built = True

    def call(self, embeddings):
        return ops.matmul(unit_length(embeddings), self.kernel)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.count)

    def normalize(self):
        """Brings the prototypes back to length 1."""
        self.kernel.assign(unit_length(ops.convert_to_tensor(self.kernel), axis=0))

    def get_config(self):
        return {**super().get_config(), "dim": self.dim, "count": self.count}


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class Bias(layers.Layer):
    """Adds one learned vector, 0 at first, to every row of `(B, D)`."""

    def build(self, input_shape):
        self.bias = self.add_weight(name="bias", shape=(input_shape[-1],), initializer="zeros")

    def call(self, inputs):
        return inputs + self.bias

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


def _unit_columns(shape, dtype=None):
    # Not keras.random.normal: `keras.utils.set_random_seed` does not seed it before Keras 3.13.
    return unit_length(keras.initializers.RandomNormal(stddev=1.0)(shape, dtype), axis=0)
