"""Barlow Twins."""

import keras

from keras_center_ssl import heads, losses
from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.methods.verdicts import FEW_DIMENSIONS


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class BarlowTwins(SSLModel):
    """Barlow Twins: self-supervised learning via redundancy reduction (arXiv 2103.03230).

    The cross-correlation of the two views' dimensions is brought to the identity. Standardising
    every dimension over the batch takes the centre away before the loss is computed; the
    off-diagonal keeps the dimensions apart, as negatives keep samples apart.

    Args:
        encoder: See `SSLModel`.
        redundancy_weight: Weight of the off-diagonal (lambda), 5e-3 in the paper; 0 leaves it out.
        loss_scale: Factor on the whole loss, which is a sum over dimensions: 1/32 in the authors'
            code, .1 in the CIFAR and ImageNet-100 recipes. It matters little under LARS and Adam,
            and much under SGD.
        hidden_dim: Width of the projector's two hidden layers: 8192 in the paper.
        output_dim: Dimension of the embeddings: 8192 in the paper.
        batch_norm: `False` leaves out all batch norm after the encoder: in the projector's hidden
            layers, and the standardisation of the embeddings (an ablation of arXiv 2402.14957).
    """

    suggested_views = "barlow_twins"

    def __init__(
        self,
        encoder: keras.Model,
        *,
        redundancy_weight: float = 5e-3,
        loss_scale: float = 1.0,
        hidden_dim: int = 2048,
        output_dim: int = 2048,
        batch_norm: bool = True,
        **kwargs,
    ):
        super().__init__(encoder, **kwargs)
        self.redundancy_weight = redundancy_weight
        self.loss_scale = loss_scale
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.batch_norm = batch_norm
        # The standardisation makes a last bias void; without it, it would be one.
        self.projector = heads.mlp(
            self.feature_dim,
            [hidden_dim, hidden_dim, output_dim],
            batch_norm=batch_norm,
            last_bias=not batch_norm,
        )
        self.track(projection=output_dim)

    def branches(self, views, training):
        z1, z2 = self.project(views, training)
        loss = losses.barlow_twins(
            self.gather(z1),
            self.gather(z2),
            self.redundancy_weight,
            standardize=self.batch_norm,
        )
        return self.loss_scale * loss, {"projection": (z1, z2)}

    def collapse_causes(self, verdict):
        causes = []
        if verdict in FEW_DIMENSIONS and not self.redundancy_weight:
            causes.append(
                "redundancy_weight=0: nothing keeps the dimensions apart, and all may carry the "
                "same. Published: 5e-3."
            )
        if not self.batch_norm:
            causes.append(
                "batch_norm=False: it is the standardisation over the batch that takes the centre "
                "away. Set batch_norm=True."
            )
        if verdict in FEW_DIMENSIONS and self.redundancy_weight:
            causes.append(
                f"redundancy_weight={self.redundancy_weight:g} may be too small for "
                f"{self.output_dim} dimensions: the off-diagonal has to weigh against the diagonal."
            )
        return [*causes, *super().collapse_causes(verdict)]
