"""Methods that only experiments need: parts of objectives, each alone."""

import keras
from keras import ops

from keras_center_ssl import heads, losses
from keras_center_ssl.methods import SSLModel


class Parts(SSLModel):
    """A weighted sum of attraction, centre term and parts of InfoNCE's repulsion.

    Args:
        encoder: See `SSLModel`.
        attraction: Weight of `-mean <z1, z2>`.
        center: Weight of `||c||^2`.
        local: Weight of the rest of InfoNCE's repulsion, once its mean part is taken off.
        temperature: Of InfoNCE.
    """

    def __init__(
        self, encoder, *, attraction=1.0, center=0.0, local=0.0, temperature=0.5, **kwargs
    ):
        super().__init__(encoder, **kwargs)
        self.attraction, self.center = attraction, center
        self.local, self.temperature = local, temperature
        self.projector = heads.mlp(self.feature_dim, [128, 64], batch_norm=False)
        self.track(projection=64)

    def branches(self, views, training):
        z1, z2 = self.project(views, training)
        loss = self.attraction * losses.negative_cosine(z1, z2)
        squared = losses.center(z1, z2, 1.0) - losses.center(z1, z2, 0.0)
        loss = loss + self.center * squared
        if self.local:
            loss = loss + self.local * local_repulsion(z1, z2, self.temperature)
        return loss, {"projection": (z1, z2)}


def local_repulsion(z1, z2, temperature):
    """A scalar with the gradient of InfoNCE's repulsion, times its temperature, less `2c / 2N`.

    The gradient of `temperature * mean_i log sum_j exp(<z_i, z_j> / temperature)`, `j` not `i`, at
    `z_i` is `sum_j (p_ij + p_ji) z_j / n`, `p` the softmax over `j`; `n = 2N` embeddings. With all
    `p` alike it is `2 c / n`, that of `||c||^2`.
    """
    z = ops.normalize(ops.concatenate([z1, z2]), axis=-1)
    n = ops.shape(z)[0]
    logits = ops.matmul(z, ops.transpose(z)) / temperature - 1e9 * ops.eye(n)
    p = ops.softmax(logits, axis=-1)
    weights = (p + ops.transpose(p)) / ops.cast(n, p.dtype)
    toward = ops.matmul(weights, z) - 2 * ops.mean(z, axis=0) / ops.cast(n, p.dtype)
    return ops.sum(z * ops.stop_gradient(toward))


class Linear(SSLModel):
    """An encoder whose output is the embedding: the simplified objective, or SimSiam's.

    Args:
        encoder: See `SSLModel`.
        center_weight: Of the simplified objective.
        decorrelation_weight: Of the simplified objective.
        predictor: Whether it is SimSiam instead, with the library's predictor.
    """

    penalizes_center = True

    def __init__(self, encoder, *, center_weight=1.0, decorrelation_weight=0.0, predictor=False):
        super().__init__(encoder, center_weight=center_weight)
        self.decorrelation_weight = decorrelation_weight
        self.projector = keras.Sequential([keras.Input((self.feature_dim,))])
        self.projector.add(keras.layers.Activation("linear"))
        dim = self.feature_dim
        self.predictor = heads.mlp(dim, [2 * dim, dim], name="predictor") if predictor else None
        self.track(projection=dim)

    def branches(self, views, training):
        z1, z2 = self.project(views, training)
        if self.predictor is None:
            loss = losses.center(z1, z2, self.center_weight, self.decorrelation_weight)
        else:
            p1, p2 = (self.predictor(z, training=training) for z in (z1, z2))
            held1, held2 = ops.stop_gradient(z1), ops.stop_gradient(z2)
            loss = (losses.negative_cosine(p1, held2) + losses.negative_cosine(p2, held1)) / 2
        return loss, {"projection": (z1, z2)}
