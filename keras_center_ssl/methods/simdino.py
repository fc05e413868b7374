"""SimDINO."""

import keras
from keras import ops

from keras_center_ssl import heads, losses
from keras_center_ssl.errors import InputError
from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.methods.teacher import Teacher, check_momentum, cosine_momentum

GLOBAL_VIEWS = 2


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class SimDINO(SSLModel):
    """SimDINO: DINO simplified by a coding rate (Wu et al., arXiv 2502.10385).

    The student's unit embedding of every view is drawn to the momentum teacher's of the *other*
    global views; there are no prototypes, no centring, no sharpening. What keeps them apart is the
    coding rate of the student's global views, which grows with the directions that a batch uses.
    The centre is one of these directions.

    The first two views are global; the teacher sees those only, the student all of them. Local
    views may be smaller: convolutional encoders with global pooling and `kcs.encoders.vit_*` take
    them.

    The loss is `-mean cos(teacher, student) - gamma R`, `R` the mean of `kcs.losses.coding_rate`
    over the global views. It is negative.

    Args:
        encoder: See `SSLModel`.
        gamma: Weight of the coding rate. `None`, as in the paper: `(D + B) / (D B)` for
            embeddings `(B, D)`. 0 leaves it out, an ablation.
        epsilon: Squared error of the code: .05 in the paper.
        momentum: Of the teacher, at the start: .996 in the paper.
        final_momentum: At the end; in between it follows half a cosine. `None`: no schedule.
        hidden_dim: Width of the head's two hidden layers.
        output_dim: Dimension of the embeddings.
        batch_norm: Whether the hidden layers are batch-normalised; not in the paper.
    """

    maximum_views = None

    def __init__(
        self,
        encoder: keras.Model,
        *,
        gamma: float | None = None,
        epsilon: float = 0.05,
        momentum: float = 0.996,
        final_momentum: float | None = 1.0,
        hidden_dim: int = 2048,
        output_dim: int = 256,
        batch_norm: bool = False,
        **kwargs,
    ):
        super().__init__(encoder, **kwargs)
        check_momentum(momentum, final_momentum)
        if gamma is not None and gamma < 0:
            raise InputError(
                f"gamma is the weight of the coding rate, 0 or more, or None; received {gamma}."
            )
        if epsilon <= 0:
            raise InputError(f"epsilon is above 0; received {epsilon}. Published: 0.05.")
        self.gamma = gamma
        self.epsilon = epsilon
        self.momentum = momentum
        self.final_momentum = final_momentum
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.batch_norm = batch_norm
        self.projector = heads.mlp(
            self.feature_dim,
            [hidden_dim, hidden_dim, output_dim],
            batch_norm=batch_norm,
            activation="gelu",
        )
        self.teacher = Teacher(self.encoder, self.projector, name="teacher")
        self.track(projection=output_dim)

    def branches(self, views, training):
        students = self.project(views, training)
        teachers = [self.teacher(view, training=training) for view in views[:GLOBAL_VIEWS]]
        pairs = [
            losses.negative_cosine(student, teacher)
            for i, teacher in enumerate(teachers)
            for j, student in enumerate(students)
            if i != j
        ]
        loss = self.replica_mean(sum(pairs) / len(pairs), students[0])
        if self.gamma != 0:
            batches = [self.gather(z) for z in students[:GLOBAL_VIEWS]]
            rates = [losses.coding_rate(z, self.epsilon) for z in batches]
            loss = loss - self._weight(batches[0]) * sum(rates) / len(rates)
        return loss, {"projection": tuple(students[:GLOBAL_VIEWS])}

    def _weight(self, z):
        """`gamma`, or `1 / D + 1 / B` for embeddings `(B, D)`."""
        if self.gamma is not None:
            return self.gamma
        return 1.0 / self.output_dim + 1.0 / ops.cast(ops.shape(z)[0], z.dtype)

    def after_step(self, embeddings):
        momentum = cosine_momentum(self.momentum, self.final_momentum, self.clock.progress)
        self.teacher.update([self.encoder, self.projector], momentum)

    def collapse_causes(self, verdict):
        causes = []
        if self.gamma is not None:
            if self.gamma * self.output_dim < 1:
                causes.append(
                    f"gamma={self.gamma:g} may be too small for {self.output_dim} dimensions: the "
                    "attraction of the views wins. gamma=None gives (D + B) / (D B), above "
                    f"{1 / self.output_dim:.2g}."
                )
        if self.epsilon > 1:
            causes.append(
                f"epsilon={self.epsilon:g}: a code as coarse as that hardly rewards spread. "
                "Published: 0.05."
            )
        if self.momentum < 0.9:
            causes.append(
                f"momentum={self.momentum:g}: the teacher follows the student at once. "
                "Published: 0.996."
            )
        return [*causes, *super().collapse_causes(verdict)]
