"""A running second moment of embeddings, saved with the model."""

import keras
from keras import ops

from keras_center_ssl import engine
from keras_center_ssl.numerics import full_precision, unit_length


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class SecondMoment(keras.layers.Layer):
    """Moving average of `z' z / B` over batches of unit embeddings, 0 at the start.

    Args:
        dim: Dimension of the embeddings.
        momentum: Of the average, in [0, 1].
        centered: Whether the batch's mean is taken off first: the average is then of covariances.
    """

    def __init__(self, dim, momentum=0.9, centered=False, **kwargs):
        super().__init__(**{**kwargs, "trainable": False, "dtype": full_precision()})
        self.dim = dim
        self.momentum = momentum
        self.centered = centered
        # Every replica computes the same value; "mean" keeps the copies one variable.
        self.average = self.add_weight(
            name="average",
            shape=(dim, dim),
            initializer="zeros",
            trainable=False,
            aggregation="mean",
        )
        self.built = True

    def updated(self, z):
        """The average with a batch in it, `(dim, dim)`, without gradient. Nothing is assigned.

        Args:
            z: Embeddings `(B, dim)`, of which this replica holds its part. The result is that of
                the global batch.
        """
        z = ops.stop_gradient(unit_length(ops.cast(z, full_precision())))
        rows = engine.all_reduce_sum(ops.cast(ops.shape(z)[0], full_precision()))
        if self.centered:
            z = z - engine.all_reduce_sum(ops.sum(z, axis=0)) / rows
        moment = engine.all_reduce_sum(ops.matmul(ops.transpose(z), z)) / rows
        return self.momentum * self.average + (1.0 - self.momentum) * moment

    def update(self, average):
        """Keeps what `updated` gave."""
        self.average.assign(average)

    def get_config(self):
        config = {"dim": self.dim, "momentum": self.momentum, "centered": self.centered}
        return {**super().get_config(), **config}
