"""MoCo v2."""

import keras
from keras import ops

from keras_center_ssl import engine, heads, losses
from keras_center_ssl.errors import InputError
from keras_center_ssl.losses._similarity import unit
from keras_center_ssl.methods.base import SSLModel
from keras_center_ssl.methods.queue import EmbeddingQueue
from keras_center_ssl.methods.teacher import Teacher, check_momentum, cosine_momentum
from keras_center_ssl.methods.verdicts import COMPLETE


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class MoCo(SSLModel):
    """MoCo v2: momentum contrast with a queue of keys (Chen et al., arXiv 2003.04297).

    A query has to find the key of the other view of its image, made by a momentum encoder, among
    the keys of earlier batches. Those are what repels from the centre, as SimCLR's negatives do:
    softmax-weighted at a low temperature, their plain mean at a high one.

    The queue is a weight that is saved with the model; rows that no batch has filled yet are
    ignored. After each step the keys of the global batch go in at its front. The original
    shuffles samples between GPUs so that a query and its key do not share their batch norm's
    statistics; here the statistics are global, which serves the same end.

    Args:
        encoder: See `SSLModel`.
        temperature: Of the InfoNCE loss.
        queue_size: Number of keys: 65,536 in the paper, 32,768 in CIFAR experiments.
        momentum: Of the key encoder, at the start: .999 in the paper.
        final_momentum: At the end; in between it follows half a cosine. `None`, as in the paper:
            no schedule.
        symmetric: Whether both views serve as query and as key, or the first as query only. The
            loss is the mean of both directions.
        hidden_dim: Width of the projector's hidden layer.
        output_dim: Dimension of the embeddings, 128 in the paper.
        batch_norm: Whether the projector's hidden layer is batch-normalised.
    """

    suggested_views = "moco"
    suggested_optimizer = {"name": "sgd", "learning_rate": 0.06, "momentum": 0.9}

    def __init__(
        self,
        encoder: keras.Model,
        *,
        temperature: float = 0.2,
        queue_size: int = 65536,
        momentum: float = 0.999,
        final_momentum: float | None = None,
        symmetric: bool = False,
        hidden_dim: int = 2048,
        output_dim: int = 128,
        batch_norm: bool = False,
        **kwargs,
    ):
        super().__init__(encoder, **kwargs)
        check_momentum(momentum, final_momentum)
        if queue_size < 1:
            raise InputError(f"queue_size is the number of keys, 1 or more; received {queue_size}.")
        self.temperature = temperature
        self.queue_size = queue_size
        self.momentum = momentum
        self.final_momentum = final_momentum
        self.symmetric = symmetric
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.batch_norm = batch_norm
        self.projector = heads.mlp(
            self.feature_dim, [hidden_dim, output_dim], batch_norm=batch_norm
        )
        self.teacher = Teacher(self.encoder, self.projector, name="teacher")
        self.queue = EmbeddingQueue(queue_size, output_dim, name="queue")
        self.track(projection=output_dim)

    def branches(self, views, training):
        query1, query2 = self.project(views, training)
        keys = [
            self.teacher(view, training=training)
            for view in (views if self.symmetric else views[1:])
        ]
        loss = self._contrast(query1, keys[-1])
        if self.symmetric:
            loss = (loss + self._contrast(query2, keys[0])) / 2
        loss = self.replica_mean(loss, query1)
        return loss, {"projection": (query1, query2), "keys": keys}

    def _contrast(self, query, key):
        return losses.info_nce(
            query, key, self.queue.rows, self.temperature, valid=self.queue.filled
        )

    def after_step(self, embeddings):
        momentum = cosine_momentum(self.momentum, self.final_momentum, self.clock.progress)
        self.teacher.update([self.encoder, self.projector], momentum)
        # Of all replicas, whatever `global_batch` says: the queue is one for all of them.
        keys = [unit(engine.all_gather(key)) for key in embeddings["keys"]]
        self.queue.push(ops.concatenate(keys))

    def collapse_causes(self, verdict):
        causes = []
        if self.temperature > 0.7:
            causes.append(
                f"temperature={self.temperature:g}: all keys repel alike, so that only the centre "
                "is repelled, and few dimensions are used. Published: 0.07 to 0.2."
            )
        if verdict == COMPLETE and self.temperature < 0.05:
            causes.append(
                f"temperature={self.temperature:g}: only the nearest key repels. Published: 0.07 "
                "to 0.2."
            )
        if self.momentum < 0.9:
            causes.append(
                f"momentum={self.momentum:g}: the keys in the queue come from encoders that differ "
                "too much. Published: 0.99 to 0.999."
            )
        return [*causes, *super().collapse_causes(verdict)]
