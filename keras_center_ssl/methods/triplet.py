"""Triplet."""

import keras

from keras_center_ssl import heads, losses
from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.methods.verdicts import FEW_DIMENSIONS


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class Triplet(SSLModel):
    """Triplets of two views of a sample and one of another (FaceNet's loss, arXiv 1503.03832).

    Every other sample of the batch is a negative. All of them together repel from the centre
    vector: without a hinge this is `CenterSSL` at `center_weight=1`, and like it free to fall to a
    few dimensions.

    Args:
        encoder: See `SSLModel`.
        margin: By how much, in cosine, a positive has to be nearer than a negative: above 0; at 1
            negatives are pushed no further than a right angle from a matching pair. `None` leaves
            out the hinge.
        hidden_dim: Width of the projector's hidden layer.
        output_dim: Dimension of the embeddings that are compared.
        batch_norm: Whether the projector's hidden layer is batch-normalised.
    """

    suggested_optimizer = {"name": "sgd", "learning_rate": 0.06, "momentum": 0.9}

    def __init__(
        self,
        encoder: keras.Model,
        *,
        margin: float | None = 1.0,
        hidden_dim: int = 2048,
        output_dim: int = 256,
        batch_norm: bool = False,
        **kwargs,
    ):
        super().__init__(encoder, **kwargs)
        self.margin = margin
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.batch_norm = batch_norm
        self.projector = heads.mlp(
            self.feature_dim, [hidden_dim, output_dim], batch_norm=batch_norm
        )
        self.track(projection=output_dim)

    def branches(self, views, training):
        z1, z2 = self.project(views, training)
        all1, all2 = self.gather(z1), self.gather(z2)
        # Each view is the anchor once; without a hinge both directions are the same.
        loss = (
            losses.triplet(all1, all2, self.margin) + losses.triplet(all2, all1, self.margin)
        ) / 2
        return loss, {"projection": (z1, z2)}

    def collapse_causes(self, verdict):
        causes = []
        if verdict in FEW_DIMENSIONS and self.margin is None:
            causes.append(
                "margin=None: without a hinge this is CenterSSL at center_weight=1, which falls to "
                "a few dimensions. Set margin=1."
            )
        if self.margin is not None and self.margin < 0.2:
            causes.append(
                f"margin={self.margin:g}: negatives stop repelling when they are hardly apart. Set "
                "margin=1."
            )
        return [*causes, *super().collapse_causes(verdict)]
