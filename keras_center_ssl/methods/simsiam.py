"""SimSiam."""

import keras
from keras import ops

from keras_center_ssl import heads, losses
from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.optimizers.rates import base_learning_rate, hold_learning_rate


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class SimSiam(SSLModel):
    """SimSiam: exploring simple siamese representation learning (arXiv 2011.10566).

    A predictor maps one view's embedding to the other's, which is held constant. Neither
    negatives nor a momentum teacher: predictor, stop-gradient and batch norm together keep the
    centre short.

    Args:
        encoder: See `SSLModel`.
        hidden_dim: Width of the projector's two hidden layers.
        output_dim: Dimension of the embeddings.
        predictor_dim: Width of the predictor's hidden layer; a quarter of `output_dim` in the
            paper.
        constant_predictor_rate: Whether the predictor keeps the base learning rate while the
            schedule lowers that of everything else, as the paper's section 4.2 advises.
    """

    def __init__(
        self,
        encoder,
        *,
        hidden_dim: int = 2048,
        output_dim: int = 2048,
        predictor_dim: int = 512,
        constant_predictor_rate: bool = True,
        **kwargs,
    ):
        super().__init__(encoder, **kwargs)
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.predictor_dim = predictor_dim
        self.constant_predictor_rate = constant_predictor_rate
        self.projector = heads.mlp(
            self.feature_dim, [hidden_dim, hidden_dim, output_dim], last_batch_norm="plain"
        )
        self.predictor = heads.mlp(output_dim, [predictor_dim, output_dim], name="predictor")
        self.track(projection=output_dim)

    def compile(self, optimizer="adam", **kwargs):
        super().compile(optimizer, **kwargs)
        if self.constant_predictor_rate:
            hold_learning_rate(
                self.optimizer,
                self.predictor.trainable_variables,
                base_learning_rate(self.optimizer),
            )

    def branches(self, views, training):
        z1, z2 = (
            self.projector(self.encoder(view, training=training), training=training)
            for view in views[:2]
        )
        p1, p2 = self.predictor(z1, training=training), self.predictor(z2, training=training)
        loss = (
            losses.negative_cosine(p1, ops.stop_gradient(z2))
            + losses.negative_cosine(p2, ops.stop_gradient(z1))
        ) / 2
        return loss, {"projection": (z1, z2)}
