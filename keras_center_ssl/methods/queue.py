"""A queue of earlier embeddings, saved with the model."""

import keras
from keras import ops

from keras_center_ssl.numerics import full_precision


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class EmbeddingQueue(keras.layers.Layer):
    """The last `size` embeddings that were pushed, newest first.

    Args:
        size: Number of embeddings it holds.
        dim: Their dimension.
    """

    def __init__(self, size, dim, **kwargs):
        super().__init__(trainable=False, dtype=full_precision(), **kwargs)
        self.size = size
        self.dim = dim
        # Every replica pushes the same global batch; "mean" keeps the copies one variable.
        state = dict(initializer="zeros", trainable=False, aggregation="mean")
        self.rows = self.add_weight(name="rows", shape=(size, dim), **state)
        self.filled = self.add_weight(name="filled", shape=(), **state)
        self.built = True

    @property
    def full(self):
        """Whether every row holds an embedding, a scalar boolean."""
        return self.filled >= self.size

    def push(self, embeddings, when=True):
        """Adds the global batch's embeddings `(B, dim)`, where the boolean `when` says so."""
        rows = ops.concatenate([ops.cast(embeddings, full_precision()), self.rows])[: self.size]
        filled = self.filled + ops.cast(ops.shape(embeddings)[0], full_precision())
        self.rows.assign(ops.where(when, rows, self.rows.value))
        self.filled.assign(ops.where(when, ops.minimum(filled, self.size), self.filled.value))

    def get_config(self):
        return {**super().get_config(), "size": self.size, "dim": self.dim}
