"""CenterSSL: the simplified objective as a method."""

import keras

from keras_center_ssl import heads, losses
from keras_center_ssl.errors import one_of
from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.methods.verdicts import COMPLETE, FEW_DIMENSIONS

CENTERS = ("batch", "cross_view", "ema")


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class CenterSSL(SSLModel):
    """The simplified objective of arXiv 2402.14957: agreeing views, and a short centre vector.

    `-mean <z1, z2> + center_weight ||c||^2 + decorrelation_weight ||M||_F^2`, see
    `kcs.losses.center`. The centre term keeps it from complete collapse, the decorrelation term
    (which is ours, not the paper's) from dimensional collapse.

    Args:
        encoder: See `SSLModel`.
        center_weight: Weight of the squared centre (lambda). Collapse is unstable above
            `1 - rho_max`, `rho_max` the largest share of between-sample variance of any feature
            that the encoder can express; 1 is always above it.
        decorrelation_weight: Weight of the squared second moment (mu). `1 / (2 tau)` follows
            InfoNCE at temperature `tau`; 0 gives the paper's objective alone, which falls to a
            few dimensions.
        center: Where the centre comes from. `"batch"`: all embeddings of the batch;
            `"cross_view"`: the product of the two views' centres; `"ema"`: the batch's against a
            moving average of earlier batches.
        center_momentum: Of the moving average, in [0, 1).
        unbiased: Whether a sample's pairs with itself are left out of the squared centre.
        hidden_dim: Width of the projector's hidden layer.
        output_dim: Dimension of the embeddings.
        batch_norm: Whether the projector's hidden layer is batch-normalised.
    """

    penalizes_center = True
    suggested_optimizer = {"name": "sgd", "learning_rate": 0.06, "momentum": 0.9}

    def __init__(
        self,
        encoder: keras.Model,
        *,
        center_weight: float = 1.0,
        decorrelation_weight: float = 1.0,
        center: str = "batch",
        center_momentum: float = 0.9,
        unbiased: bool = False,
        hidden_dim: int = 2048,
        output_dim: int = 256,
        batch_norm: bool = False,
        **kwargs,
    ):
        super().__init__(encoder, center_weight=center_weight, **kwargs)
        if center not in CENTERS:
            raise one_of("center", center, CENTERS)
        self.decorrelation_weight = decorrelation_weight
        self.center = center
        self.center_momentum = center_momentum
        self.unbiased = unbiased
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.batch_norm = batch_norm
        self.projector = heads.mlp(
            self.feature_dim, [hidden_dim, output_dim], batch_norm=batch_norm
        )
        self.track(projection=output_dim)
        self.trackers["projection"].momentum = center_momentum

    def branches(self, views, training):
        z1, z2 = self.project(views, training)
        loss = losses.center(
            self.gather(z1),
            self.gather(z2),
            self.center_weight,
            self.decorrelation_weight,
            cross_view=self.center == "cross_view",
            unbiased=self.unbiased,
            reference_center=(
                self.trackers["projection"].ema_center if self.center == "ema" else None
            ),
        )
        return loss, {"projection": (z1, z2)}

    def collapse_causes(self, verdict):
        causes = []
        if verdict == COMPLETE and self.center_weight < 1:
            causes.append(
                f"center_weight={self.center_weight:g} may be under the critical weight, below "
                "which the attraction of the views wins. 1 is always above it; "
                "kcs.critical_center_weight estimates how low it may be."
            )
        if verdict in FEW_DIMENSIONS and not self.decorrelation_weight:
            causes.append(
                "decorrelation_weight=0: the centre term keeps the centre short, but half the "
                "samples at v and half at -v have no centre either. Set decorrelation_weight=1."
            )
        return [*causes, *super().collapse_causes(verdict)]
