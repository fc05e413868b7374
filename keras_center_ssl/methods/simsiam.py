"""SimSiam."""

import keras
from keras import ops

from keras_center_ssl import heads, losses
from keras_center_ssl.encoders import BatchNormalization
from keras_center_ssl.errors import one_of
from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.optimizers.rates import base_learning_rate, hold_learning_rate

PREDICTORS = ("mlp", "mean", "batch_norm", "bias", None)


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
        predictor: What stands between the two views. `"mlp"` is the method. The others ask which
            part of it prevents collapse: `"mean"` subtracts the batch's mean embedding, which
            cancels the mean of the gradient; `"batch_norm"` standardises every dimension;
            `"bias"` adds one learned vector; `None` passes the embedding on, and collapses.
        stop_gradient: Whether the target is held constant. `False` collapses.
        last_batch_norm: Whether the projector ends in batch norm (without scale and offset).
        constant_predictor_rate: Whether the predictor keeps the base learning rate while the
            schedule lowers that of everything else, as the paper's section 4.2 advises.
    """

    suggested_views = "simsiam"
    suggested_optimizer = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}

    def __init__(
        self,
        encoder: keras.Model,
        *,
        hidden_dim: int = 2048,
        output_dim: int = 2048,
        predictor_dim: int = 512,
        predictor: str | None = "mlp",
        stop_gradient: bool = True,
        last_batch_norm: bool = True,
        constant_predictor_rate: bool = True,
        **kwargs,
    ):
        super().__init__(encoder, **kwargs)
        if predictor not in PREDICTORS:
            raise one_of("predictor", predictor, PREDICTORS)
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.predictor_dim = predictor_dim
        self.predictor = predictor
        self.stop_gradient = stop_gradient
        self.last_batch_norm = last_batch_norm
        self.constant_predictor_rate = constant_predictor_rate
        self.projector = heads.mlp(
            self.feature_dim,
            [hidden_dim, hidden_dim, output_dim],
            last_batch_norm="plain" if last_batch_norm else None,
        )
        self.prediction_head = _prediction_head(predictor, output_dim, predictor_dim)
        self.track(projection=output_dim)

    def compile(self, optimizer="adam", **kwargs):
        super().compile(optimizer, **kwargs)
        variables = self.prediction_head.trainable_variables if self.prediction_head else []
        if self.constant_predictor_rate and variables:
            hold_learning_rate(self.optimizer, variables, base_learning_rate(self.optimizer))

    def predict_view(self, z, training):
        """The predictor's output for the embeddings `(B, D)` of one view."""
        if self.predictor == "mean":
            return z - ops.mean(self.gather(z), axis=0)
        return z if self.prediction_head is None else self.prediction_head(z, training=training)

    def branches(self, views, training):
        z1, z2 = self.project(views, training)
        p1, p2 = self.predict_view(z1, training), self.predict_view(z2, training)
        target1, target2 = (ops.stop_gradient(z) if self.stop_gradient else z for z in (z1, z2))
        loss = (losses.negative_cosine(p1, target2) + losses.negative_cosine(p2, target1)) / 2
        return self.replica_mean(loss, z1), {"projection": (z1, z2)}

    def collapse_causes(self, verdict):
        causes = []
        if not self.stop_gradient:
            causes.append(
                "stop_gradient=False: both views run towards each other, and nothing holds them "
                "apart. Set stop_gradient=True."
            )
        if self.predictor is None:
            causes.append(
                "predictor=None: without a predictor the views attract each other directly. Set "
                'predictor="mlp".'
            )
        elif self.predictor != "mlp":
            causes.append(f'predictor={self.predictor!r} is an ablation. Set predictor="mlp".')
        if not self.last_batch_norm:
            causes.append(
                "last_batch_norm=False: the batch norm at the projector's end keeps every "
                "dimension from becoming constant. Set last_batch_norm=True."
            )
        if not self.constant_predictor_rate:
            causes.append(
                "constant_predictor_rate=False: the predictor has to keep up with the projector. "
                "Set constant_predictor_rate=True."
            )
        return [*causes, *super().collapse_causes(verdict)]


def _prediction_head(kind, dim, hidden_dim):
    """The predictors that have weights; `None` for the others."""
    if kind == "mlp":
        return heads.mlp(dim, [hidden_dim, dim], name="predictor")
    if kind == "batch_norm":
        layer = BatchNormalization(momentum=0.9, epsilon=1e-5, center=False, scale=False)
    elif kind == "bias":
        layer = heads.Bias()
    else:
        return None
    return keras.Sequential([keras.Input((dim,)), layer], name="predictor")
