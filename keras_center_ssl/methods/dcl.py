"""DCL."""

import keras

from keras_center_ssl import heads, losses
from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.methods.verdicts import COMPLETE


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class DCL(SSLModel):
    """Decoupled contrastive learning (arXiv 2110.06848).

    SimCLR with another loss: a sample's own two views are left out where its negatives are
    weighted, so that the negatives keep their force when the views agree already. As the
    temperature rises, what repels becomes the mean cosine of different samples: the squared centre
    vector, unbiased.

    Args:
        encoder: See `SSLModel`.
        temperature: Of the loss: .1 in the paper.
        positive_sigma: Of the weighted variant DCLW, in which views that agree already attract
            less: .5 in the paper. `None`: all attract alike.
        hidden_dim: Width of the projector's hidden layer.
        output_dim: Dimension of the embeddings that are compared.
        batch_norm: Whether the projector's hidden layer is batch-normalised.
    """

    def __init__(
        self,
        encoder: keras.Model,
        *,
        temperature: float = 0.1,
        positive_sigma: float | None = None,
        hidden_dim: int = 2048,
        output_dim: int = 256,
        batch_norm: bool = False,
        **kwargs,
    ):
        super().__init__(encoder, **kwargs)
        self.temperature = temperature
        self.positive_sigma = positive_sigma
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.batch_norm = batch_norm
        self.projector = heads.mlp(
            self.feature_dim, [hidden_dim, output_dim], batch_norm=batch_norm
        )
        self.track(projection=output_dim)

    def branches(self, views, training):
        z1, z2 = self.project(views, training)
        loss = losses.dcl(
            self.gather(z1), self.gather(z2), self.temperature, positive_sigma=self.positive_sigma
        )
        return loss, {"projection": (z1, z2)}

    def collapse_causes(self, verdict):
        causes = []
        if self.temperature > 0.7:
            causes.append(
                f"temperature={self.temperature:g}: all negatives repel alike, so that only the "
                "centre is repelled, and few dimensions are used. Published: 0.07 to 0.1."
            )
        if verdict == COMPLETE and self.temperature < 0.05:
            causes.append(
                f"temperature={self.temperature:g}: only the nearest negative repels. Published: "
                "0.07 to 0.1."
            )
        return [*causes, *super().collapse_causes(verdict)]
