"""SimCLR."""

import keras

from keras_center_ssl import heads, losses
from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.methods.verdicts import COMPLETE


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class SimCLR(SSLModel):
    """SimCLR: contrastive learning of visual representations (arXiv 2002.05709).

    Each view has to find the other view of its sample among all views of the batch. The other
    views are what repels from the centre: softmax-weighted at a low temperature, their plain mean,
    the centre vector, at a high one.

    Args:
        encoder: See `SSLModel`.
        temperature: Of the NT-Xent loss: .5 in the paper's CIFAR experiments, .2 in later work.
        hidden_dim: Width of the projector's hidden layer.
        output_dim: Dimension of the embeddings that are compared.
        batch_norm: Whether the projector's hidden layer is batch-normalised.
    """

    suggested_optimizer = {"name": "sgd", "learning_rate": 0.06, "momentum": 0.9}

    def __init__(
        self,
        encoder: keras.Model,
        *,
        temperature: float = 0.5,
        hidden_dim: int = 2048,
        output_dim: int = 256,
        batch_norm: bool = False,
        **kwargs,
    ):
        super().__init__(encoder, **kwargs)
        self.temperature = temperature
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.batch_norm = batch_norm
        self.projector = heads.mlp(
            self.feature_dim, [hidden_dim, output_dim], batch_norm=batch_norm
        )
        self.track(projection=output_dim)

    def branches(self, views, training):
        z1, z2 = self.project(views, training)
        loss = losses.nt_xent(self.gather(z1), self.gather(z2), self.temperature)
        return loss, {"projection": (z1, z2)}

    def collapse_causes(self, verdict):
        causes = []
        if self.temperature > 0.7:
            causes.append(
                f"temperature={self.temperature:g}: all negatives repel alike, so that only the "
                "centre is repelled, and few dimensions are used. Published: 0.1 to 0.5."
            )
        if verdict == COMPLETE and self.temperature < 0.05:
            causes.append(
                f"temperature={self.temperature:g}: only the nearest negative repels. Published: "
                "0.1 to 0.5."
            )
        return [*causes, *super().collapse_causes(verdict)]
