"""VICReg."""

import keras

from keras_center_ssl import heads, losses
from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.methods.verdicts import FEW_DIMENSIONS


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class VICReg(SSLModel):
    """VICReg: variance-invariance-covariance regularisation (arXiv 2105.04906).

    Every dimension keeps a standard deviation of 1 over the batch, and dimensions stay
    uncorrelated. Nothing repels from the centre: a constant added to all embeddings leaves the
    loss as it is, and the variance alone keeps it from collapse.

    Args:
        encoder: See `SSLModel`.
        invariance_weight: Of the views' mean squared distance: 25 in the paper.
        variance_weight: Of the hinge on the standard deviations: 25 in the paper.
        covariance_weight: Of the squared covariances: 1 in the paper.
        hidden_dim: Width of the projector's two hidden layers: 8192 in the paper.
        output_dim: Dimension of the embeddings: 8192 in the paper.
    """

    embedding_std = 1.0
    suggested_views = "vicreg"

    def __init__(
        self,
        encoder: keras.Model,
        *,
        invariance_weight: float = 25.0,
        variance_weight: float = 25.0,
        covariance_weight: float = 1.0,
        hidden_dim: int = 2048,
        output_dim: int = 2048,
        **kwargs,
    ):
        super().__init__(encoder, **kwargs)
        self.invariance_weight = invariance_weight
        self.variance_weight = variance_weight
        self.covariance_weight = covariance_weight
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.projector = heads.mlp(self.feature_dim, [hidden_dim, hidden_dim, output_dim])
        self.track(projection=output_dim)

    def branches(self, views, training):
        z1, z2 = self.project(views, training)
        loss = losses.vicreg(
            self.gather(z1),
            self.gather(z2),
            self.invariance_weight,
            self.variance_weight,
            self.covariance_weight,
        )
        return loss, {"projection": (z1, z2)}

    def collapse_causes(self, verdict):
        causes = []
        if not self.variance_weight:
            causes.append(
                "variance_weight=0: nothing keeps the dimensions from becoming constant. "
                "Published: 25."
            )
        if verdict in FEW_DIMENSIONS and not self.covariance_weight:
            causes.append("covariance_weight=0: all dimensions may carry the same. Published: 1.")
        if self.variance_weight and self.invariance_weight > 2 * self.variance_weight:
            causes.append(
                f"invariance_weight={self.invariance_weight:g} outweighs "
                f"variance_weight={self.variance_weight:g}. Published: 25 and 25."
            )
        return [*causes, *super().collapse_causes(verdict)]
