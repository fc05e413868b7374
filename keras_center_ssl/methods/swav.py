"""SwAV."""

import keras
from keras import ops

from keras_center_ssl import engine, heads, losses
from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._similarity import unit
from keras_center_ssl.losses.swav import swapped_prediction
from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.methods.queue import EmbeddingQueue
from keras_center_ssl.methods.verdicts import FEW_DIMENSIONS

GLOBAL_VIEWS = 2


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class SwAV(SSLModel):
    """SwAV: unsupervised learning by contrasting cluster assignments (arXiv 2006.09882).

    Each view predicts to which prototypes another view of its sample is assigned. Assignments
    come from the first two views, the global ones; all views predict them, small local crops too.
    The assignments use all prototypes alike, so that the mean attraction is the mean of the
    prototypes: next to nothing for spread prototypes, and no common point to collapse to.

    Args:
        encoder: See `SSLModel`.
        num_prototypes: Number of prototypes: 3000 in the paper, some ten times the classes.
        learned_prototypes: Whether the prototypes learn, or stay in the random directions they
            start in.
        sinkhorn: Whether assignments are equally many per prototype (Sinkhorn-Knopp). `False`
            assigns each sample alone, by a softmax at the same temperature.
        temperature: Of the predictions.
        epsilon: Temperature of the assignments: .05 in the paper.
        iterations: Of Sinkhorn-Knopp.
        queue_size: Earlier embeddings per view that take part in the assignment, for batches that
            are small against the number of prototypes: 3840 in the paper at batch 256. 0: none. A
            queue is ignored until it is full, and saved with the model.
        queue_start_epoch: Epochs before the queue begins to fill: 15 in the paper.
        frozen_epochs: Epochs (or a part of one) in which the prototypes do not learn yet: 1 in the
            paper at batch 256. Outside of `fit` there are no epochs: then prototypes learn, and the
            queue fills, at once.
        hidden_dim: Width of the projector's hidden layer.
        output_dim: Dimension of embeddings and prototypes.
        batch_norm: Whether the projector's hidden layer is batch-normalised.
    """

    maximum_views = None
    suggested_views = "swav"
    suggested_optimizer = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}

    def __init__(
        self,
        encoder: keras.Model,
        *,
        num_prototypes: int = 3000,
        learned_prototypes: bool = True,
        sinkhorn: bool = True,
        temperature: float = 0.1,
        epsilon: float = 0.05,
        iterations: int = 3,
        queue_size: int = 0,
        queue_start_epoch: float = 15,
        frozen_epochs: float = 1,
        hidden_dim: int = 2048,
        output_dim: int = 128,
        batch_norm: bool = True,
        **kwargs,
    ):
        super().__init__(encoder, **kwargs)
        if queue_size < 0:
            raise InputError(f"queue_size is 0 (no queue) or more; received {queue_size}.")
        if epsilon <= 0:
            raise InputError(f"SwAV needs an epsilon above 0; received {epsilon}.")
        self.num_prototypes = num_prototypes
        self.learned_prototypes = learned_prototypes
        self.sinkhorn = sinkhorn
        self.temperature = temperature
        self.epsilon = epsilon
        self.iterations = iterations
        self.queue_size = queue_size
        self.queue_start_epoch = queue_start_epoch
        self.frozen_epochs = frozen_epochs
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.batch_norm = batch_norm
        self.projector = heads.mlp(
            self.feature_dim, [hidden_dim, output_dim], batch_norm=batch_norm
        )
        self.prototype_layer = heads.Prototypes(
            output_dim, num_prototypes, trainable=learned_prototypes, name="prototypes"
        )
        # Without Sinkhorn, samples are assigned independently of each other.
        self.queues = [
            EmbeddingQueue(queue_size, output_dim, name=f"queue_{view + 1}")
            for view in range(GLOBAL_VIEWS if sinkhorn and queue_size else 0)
        ]
        self.track(projection=output_dim)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        if "prototypes" in config:  # saved by 0.1.0
            config["learned_prototypes"] = config.pop("prototypes") == "learned"
        return super().from_config(config, custom_objects)

    def branches(self, views, training):
        z = self.project(views, training)
        scores = [self.prototype_layer(self.gather(embeddings)) for embeddings in z]
        assignments = [self._assign(scores[view], view) for view in range(GLOBAL_VIEWS)]
        terms = [
            swapped_prediction(predicting, assigned, self.temperature)
            for view, assigned in enumerate(assignments)
            for other, predicting in enumerate(scores)
            if other != view
        ]
        return sum(terms) / len(terms), {"projection": tuple(z[:GLOBAL_VIEWS])}

    def _assign(self, scores, view):
        """Assignments of a global view's samples, `(B, K)`, without gradient."""
        scores = ops.stop_gradient(scores)
        if not self.sinkhorn:
            return ops.softmax(scores / self.epsilon, axis=-1)

        def alone():
            return losses.sinkhorn(scores, self.epsilon, self.iterations)

        def with_queue():
            queued = ops.stop_gradient(self.prototype_layer(queue.rows))
            both = ops.concatenate([queued, scores])
            return losses.sinkhorn(both, self.epsilon, self.iterations)[self.queue_size :]

        if not self.queues:
            return alone()
        queue = self.queues[view]
        return ops.cond(queue.full, with_queue, alone)

    def gradient_transform(self, gradients, variables):
        """No gradient for the prototypes while they are frozen."""
        learns = self._past_epoch(self.frozen_epochs)
        return [
            ops.where(learns, gradient, ops.zeros_like(gradient))
            if variable is self.prototype_layer.kernel
            else gradient
            for gradient, variable in zip(gradients, variables, strict=True)
        ]

    def after_step(self, embeddings):
        if self.learned_prototypes:
            self.prototype_layer.normalize()
        starts = self._past_epoch(self.queue_start_epoch)
        for queue, z in zip(self.queues, embeddings["projection"], strict=False):
            # From all replicas even where `global_batch` is off: the queue is one for all.
            queue.push(unit(engine.all_gather(z)), when=starts)

    def _past_epoch(self, epochs):
        unknown = ops.equal(self.clock.steps_per_epoch, 0)
        return ops.logical_or(unknown, self.clock.epochs_done >= epochs)

    def collapse_causes(self, verdict):
        causes = []
        if not self.sinkhorn:
            causes.append(
                "sinkhorn=False: nothing keeps all samples from being assigned to one prototype. "
                "Set sinkhorn=True."
            )
        elif self.epsilon > 0.1:
            causes.append(
                f"epsilon={self.epsilon:g} with {self.iterations} iterations: the assignments are "
                "nearly uniform, and hardly tell samples apart. Published: 0.05 and 3."
            )
        if verdict in FEW_DIMENSIONS and self.num_prototypes < 2 * self.output_dim:
            causes.append(
                f"{self.num_prototypes} prototypes are few for {self.output_dim} dimensions. "
                "Published: some ten times as many as there are classes."
            )
        return [*causes, *super().collapse_causes(verdict)]
