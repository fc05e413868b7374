"""DINO."""

import keras
from keras import ops

from keras_center_ssl import engine, heads, losses
from keras_center_ssl.errors import InputError
from keras_center_ssl.losses.dino import teacher_probabilities
from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.methods.teacher import Teacher, check_momentum, cosine_momentum
from keras_center_ssl.numerics import full_precision

GLOBAL_VIEWS = 2


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class DINO(SSLModel):
    """DINO: self-distillation with no labels (Caron et al., arXiv 2104.14294).

    The student predicts, from every view, the momentum teacher's soft assignment of the *other*
    global views to `output_dim` prototypes. Centring subtracts the centre of the teacher's
    logits; sharpening, a teacher temperature below the student's, is a separate force against the
    uniform assignment.

    The first two views are global; the teacher sees those only, the student all of them, and pairs
    of a view with itself are left out. The local views may be smaller: convolutional encoders with
    global pooling and `kcs.encoders.vit_*` take them. The loss is the mean over all pairs.

    Logged beside the usual figures: `teacher_entropy`, between 0 and `log(output_dim)`, and
    `teacher_student_kl`; their sum is the loss. An entropy at either end, with the divergence near
    0, is a collapse (section 5.3 of the paper).

    Args:
        encoder: See `SSLModel`.
        student_temperature: .1 in the paper.
        teacher_temperature: From `teacher_temperature_epochs` on: .04 to .07 in the paper.
        teacher_temperature_start: At the start; it rises linearly.
        teacher_temperature_epochs: Length of that warm-up, 30 in the paper.
        centering: Whether the teacher's centre is subtracted (an ablation switches it off).
        sharpening: Whether the teacher has its own temperature. Off, an ablation, it has the
            student's.
        center_momentum: Of the running mean of the teacher's logits, in [0, 1].
        momentum: Of the teacher, at the start: .996 in the paper, .9995 in CIFAR experiments with
            small batches.
        final_momentum: At the end; in between it follows half a cosine. `None`: no schedule.
        hidden_dim: Width of the head's two hidden layers.
        bottleneck_dim: Dimension of the embeddings, which the last layer L2-normalises.
        output_dim: Number of prototypes: 65,536 on ImageNet, 4,096 in CIFAR experiments.
        batch_norm: Whether the hidden layers are batch-normalised; not in the paper.
        frozen_epochs: How long the last layer is not trained; 1 in the paper. Not frozen while the
            length of an epoch is unknown, as in a loop of `train_on_batch`.
        gradient_clip: Largest norm of each variable's gradient; `None` for no clipping.
    """

    maximum_views = None
    suggested_views = "dino"

    def __init__(
        self,
        encoder: keras.Model,
        *,
        student_temperature: float = 0.1,
        teacher_temperature: float = 0.07,
        teacher_temperature_start: float = 0.04,
        teacher_temperature_epochs: float = 30,
        centering: bool = True,
        sharpening: bool = True,
        center_momentum: float = 0.9,
        momentum: float = 0.996,
        final_momentum: float | None = 1.0,
        hidden_dim: int = 2048,
        bottleneck_dim: int = 256,
        output_dim: int = 4096,
        batch_norm: bool = False,
        frozen_epochs: float = 1,
        gradient_clip: float | None = 3.0,
        **kwargs,
    ):
        super().__init__(encoder, **kwargs)
        check_momentum(momentum, final_momentum)
        for name, value in (
            ("student_temperature", student_temperature),
            ("teacher_temperature", teacher_temperature),
            ("teacher_temperature_start", teacher_temperature_start),
            ("gradient_clip", gradient_clip),
        ):
            if value is not None and value <= 0:
                raise InputError(f"{name} is above 0; received {value}.")
        if not 0 <= center_momentum <= 1:
            raise InputError(f"center_momentum is between 0 and 1; received {center_momentum}.")
        self.student_temperature = student_temperature
        self.teacher_temperature = teacher_temperature
        self.teacher_temperature_start = teacher_temperature_start
        self.teacher_temperature_epochs = teacher_temperature_epochs
        self.centering = centering
        self.sharpening = sharpening
        self.center_momentum = center_momentum
        self.momentum = momentum
        self.final_momentum = final_momentum
        self.hidden_dim = hidden_dim
        self.bottleneck_dim = bottleneck_dim
        self.output_dim = output_dim
        self.batch_norm = batch_norm
        self.frozen_epochs = frozen_epochs
        self.gradient_clip = gradient_clip
        self.projector = heads.mlp(
            self.feature_dim,
            [hidden_dim, hidden_dim, bottleneck_dim],
            batch_norm=batch_norm,
            activation="gelu",
        )
        self.prototypes = heads.weight_normalized(bottleneck_dim, output_dim)
        self.teacher = Teacher(*self._students, name="teacher")
        self.teacher_center = self.add_weight(
            name="teacher_center",
            shape=(output_dim,),
            initializer="zeros",
            dtype=full_precision(),
            trainable=False,
            aggregation="mean",
        )
        self.track_means("teacher_entropy", "teacher_student_kl")
        self.track(projection=bottleneck_dim)

    @property
    def _students(self):
        return [self.encoder, self.projector, self.prototypes]

    @property
    def current_teacher_temperature(self):
        """The temperature of this step, a scalar tensor."""
        if not self.sharpening:
            return ops.convert_to_tensor(self.student_temperature, full_precision())
        start, end = self.teacher_temperature_start, self.teacher_temperature
        if not self.teacher_temperature_epochs:
            return ops.convert_to_tensor(end, full_precision())
        done = ops.clip(self.clock.epochs_done / self.teacher_temperature_epochs, 0.0, 1.0)
        return start + (end - start) * done

    def branches(self, views, training):
        embeddings = self.project(views, training)
        students = [self.prototypes(z, training=training) for z in embeddings]
        teachers = tuple(self.teacher(view, training=training) for view in views[:GLOBAL_VIEWS])
        temperature, center = self.current_teacher_temperature, self.teacher_center.value
        pairs = [
            losses.dino(student, teacher, center, self.student_temperature, temperature)
            for i, teacher in enumerate(teachers)
            for j, student in enumerate(students)
            if i != j
        ]
        loss = self.replica_mean(sum(pairs) / len(pairs), embeddings[0])
        # Each teacher view is in as many pairs as the other: cross-entropy = entropy + divergence.
        entropy = sum(_entropy(t, center, temperature) for t in teachers) / len(teachers)
        entropy = self.replica_mean(entropy, embeddings[0])
        return loss, {
            "projection": tuple(embeddings[:GLOBAL_VIEWS]),
            "teacher_logits": teachers,
            "teacher_entropy": entropy,
            "teacher_student_kl": ops.stop_gradient(loss) - entropy,
        }

    def gradient_transform(self, gradients, variables):
        """Clips every gradient by its own norm, and holds the last layer for the first epochs."""
        clock = self.clock
        frozen = ops.logical_and(clock.steps_per_epoch > 0, clock.epochs_done < self.frozen_epochs)
        last_layer = {id(variable) for variable in self.prototypes.trainable_variables}
        transformed = []
        for gradient, variable in zip(gradients, variables, strict=True):
            if gradient is not None and self.gradient_clip is not None:
                # Gradients arrive multiplied by the loss scale of mixed precision.
                limit = self.optimizer.scale_loss(ops.cast(self.gradient_clip, gradient.dtype))
                norm = ops.sqrt(ops.sum(ops.square(gradient)))
                gradient = gradient * ops.minimum(1.0, limit / (norm + 1e-6))
            if gradient is not None and id(variable) in last_layer:
                gradient = ops.where(frozen, ops.zeros_like(gradient), gradient)
            transformed.append(gradient)
        return transformed

    def after_step(self, embeddings):
        momentum = cosine_momentum(self.momentum, self.final_momentum, self.clock.progress)
        self.teacher.update(self._students, momentum)
        if self.centering:
            batch = ops.concatenate(embeddings["teacher_logits"])
            total = engine.all_reduce_sum(ops.sum(batch, axis=0))
            count = engine.all_reduce_sum(ops.cast(ops.shape(batch)[0], full_precision()))
            share = self.center_momentum
            self.teacher_center.assign(share * self.teacher_center + (1 - share) * total / count)

    def collapse_causes(self, verdict):
        causes = []
        if not self.centering:
            causes.append(
                "centering=False: one prototype may take all samples. Set centering=True."
            )
        elif self.center_momentum > 0.99:
            causes.append(
                f"center_momentum={self.center_momentum:g}: the teacher's centre follows too "
                "slowly. Published: 0.9."
            )
        if not self.sharpening:
            causes.append(
                "sharpening=False: the teacher's assignments become uniform. Set sharpening=True."
            )
        elif self.teacher_temperature >= self.student_temperature:
            causes.append(
                f"teacher_temperature={self.teacher_temperature:g} is not below "
                f"student_temperature={self.student_temperature:g}: the teacher does not sharpen. "
                "Published: 0.04 to 0.07, and 0.1."
            )
        if self.momentum < 0.9:
            causes.append(
                f"momentum={self.momentum:g}: the teacher follows the student at once. "
                "Published: 0.996."
            )
        return [*causes, *super().collapse_causes(verdict)]


def _entropy(teacher, center, temperature):
    """Mean entropy of the teacher's assignments, in nats."""
    p = teacher_probabilities(teacher, center, temperature)
    return -ops.mean(ops.sum(p * ops.log(ops.maximum(p, 1e-30)), axis=-1))
