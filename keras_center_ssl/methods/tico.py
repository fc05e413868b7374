"""TiCo."""

import keras
from keras import ops

from keras_center_ssl import heads, losses
from keras_center_ssl.errors import InputError
from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.methods.second_moment import SecondMoment
from keras_center_ssl.methods.teacher import Teacher, check_momentum, cosine_momentum


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class TiCo(SSLModel):
    """TiCo: transformation invariance and covariance contrast (arXiv 2206.10698).

    The student's embedding of one view is drawn to a momentum teacher's of the other, and away
    from the directions that earlier embeddings took: those of a running second moment, which
    stands for a queue of negatives. The centre is one of these directions. A short one repels
    hardly at all, its part in the loss being the fourth power of its length.

    The second moment is that of the global batch, whatever `global_batch` says, and saved with
    the model.

    Args:
        encoder: See `SSLModel`.
        rho: Weight of the repulsion: 8 in the paper.
        beta: Momentum of the second moment, in [0, 1]: .9 in the paper.
        centered: Whether the second moment is a covariance, an ablation: embeddings that coincide
            then cost nothing.
        symmetric: Whether both views serve as the student's, with one second moment of both; the
            loss is the mean of both directions. As published, the first view only.
        momentum: Of the teacher, at the start: .99 in the paper.
        final_momentum: At the end; in between it follows half a cosine. `None`: no schedule.
        hidden_dim: Width of the projector's hidden layer: 4096 in the paper.
        output_dim: Dimension of the embeddings: 256 in the paper.
    """

    def __init__(
        self,
        encoder: keras.Model,
        *,
        rho: float = 8.0,
        beta: float = 0.9,
        centered: bool = False,
        symmetric: bool = False,
        momentum: float = 0.99,
        final_momentum: float | None = 1.0,
        hidden_dim: int = 4096,
        output_dim: int = 256,
        **kwargs,
    ):
        super().__init__(encoder, **kwargs)
        check_momentum(momentum, final_momentum)
        if not 0 <= beta <= 1:
            raise InputError(
                f"beta is the share of the second moment that a step keeps, between 0 and 1; "
                f"received {beta}. Published: 0.9."
            )
        self.rho = rho
        self.beta = beta
        self.centered = centered
        self.symmetric = symmetric
        self.momentum = momentum
        self.final_momentum = final_momentum
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.projector = heads.mlp(self.feature_dim, [hidden_dim, output_dim])
        self.teacher = Teacher(self.encoder, self.projector, name="teacher")
        self.second_moment = SecondMoment(output_dim, beta, centered, name="second_moment")
        self.track(projection=output_dim)

    def branches(self, views, training):
        z1, z2 = self.project(views, training)
        targets = [
            self.teacher(view, training=training)
            for view in (views if self.symmetric else views[1:])
        ]
        students = ops.concatenate([z1, z2]) if self.symmetric else z1
        moment = self.second_moment.updated(students)
        loss = losses.tico(z1, targets[-1], moment, self.rho)
        if self.symmetric:
            loss = (loss + losses.tico(z2, targets[0], moment, self.rho)) / 2
        loss = self.replica_mean(loss, z1)
        return loss, {"projection": (z1, z2), "second_moment": moment}

    def after_step(self, embeddings):
        self.second_moment.update(embeddings["second_moment"])
        momentum = cosine_momentum(self.momentum, self.final_momentum, self.clock.progress)
        self.teacher.update([self.encoder, self.projector], momentum)

    def collapse_causes(self, verdict):
        causes = []
        if self.centered:
            causes.append(
                "centered=True: a covariance does not see the centre, and embeddings that "
                "coincide cost nothing. Set centered=False."
            )
        if self.rho < 1:
            causes.append(
                f"rho={self.rho:g}: the attraction of the views outweighs what repels. "
                "Published: 8."
            )
        if self.beta > 0.99:
            causes.append(
                f"beta={self.beta:g}: the second moment, 0 at the start, follows too slowly. "
                "Published: 0.9."
            )
        return [*causes, *super().collapse_causes(verdict)]
