"""BYOL."""

import keras

from keras_center_ssl import heads, losses
from keras_center_ssl.errors import one_of
from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.methods.teacher import Teacher, check_momentum, cosine_momentum

PREDICTORS = ("mlp", None)


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class BYOL(SSLModel):
    """BYOL: bootstrap your own latent (Grill et al., arXiv 2006.07733).

    A predictor maps the student's embedding of one view to a momentum teacher's of the other.
    There are no negatives: what repels from the centre are second moments, the centre among them,
    through the predictor, the teacher that lags behind, and batch norm.

    The loss is `2 - 2 cos(prediction, target)`, the mean over the batch and both directions,
    between 0 and 4; the paper adds the two directions up, which is twice this value.

    Args:
        encoder: See `SSLModel`.
        momentum: Of the teacher, at the start: .996 in the paper, .99 in CIFAR experiments. 0 makes
            the teacher the student of the step before, 1 keeps it as it was initialised.
        final_momentum: At the end; in between it follows half a cosine. `None`: no schedule.
        predictor: `"mlp"` as published, or `None`, an ablation: the student's embedding is
            compared with the teacher's itself.
        hidden_dim: Width of the projector's hidden layer.
        output_dim: Dimension of the embeddings.
        predictor_dim: Width of the predictor's hidden layer.
    """

    suggested_views = "byol"
    suggested_optimizer = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}

    def __init__(
        self,
        encoder: keras.Model,
        *,
        momentum: float = 0.996,
        final_momentum: float | None = 1.0,
        predictor: str | None = "mlp",
        hidden_dim: int = 4096,
        output_dim: int = 256,
        predictor_dim: int = 4096,
        **kwargs,
    ):
        super().__init__(encoder, **kwargs)
        check_momentum(momentum, final_momentum)
        if predictor not in PREDICTORS:
            raise one_of("predictor", predictor, PREDICTORS)
        self.momentum = momentum
        self.final_momentum = final_momentum
        self.predictor = predictor
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.predictor_dim = predictor_dim
        self.projector = heads.mlp(self.feature_dim, [hidden_dim, output_dim])
        self.prediction_head = (
            heads.mlp(output_dim, [predictor_dim, output_dim], name="predictor")
            if predictor == "mlp"
            else None
        )
        self.teacher = Teacher(self.encoder, self.projector, name="teacher")
        self.track(projection=output_dim)

    def branches(self, views, training):
        z1, z2 = self.project(views, training)
        p1, p2 = (
            z if self.prediction_head is None else self.prediction_head(z, training=training)
            for z in (z1, z2)
        )
        target1, target2 = (self.teacher(view, training=training) for view in views)
        cosines = losses.negative_cosine(p1, target2) + losses.negative_cosine(p2, target1)
        return self.replica_mean(2.0 + cosines, z1), {"projection": (z1, z2)}

    def after_step(self, embeddings):
        momentum = cosine_momentum(self.momentum, self.final_momentum, self.clock.progress)
        self.teacher.update([self.encoder, self.projector], momentum)

    def collapse_causes(self, verdict):
        causes = []
        if self.predictor is None:
            causes.append(
                "predictor=None: without a predictor the student is drawn to its own past. Set "
                'predictor="mlp".'
            )
        if self.momentum < 0.9:
            causes.append(
                f"momentum={self.momentum:g}: the teacher follows the student at once, so that "
                "both run towards each other. Published: 0.996 (0.99 for short trainings)."
            )
        return [*causes, *super().collapse_causes(verdict)]
