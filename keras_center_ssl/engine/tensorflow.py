"""The training step on TensorFlow, under any `tf.distribute` strategy."""

import functools
import math

import keras
import tensorflow as tf

from keras_center_ssl.engine import replica_batches
from keras_center_ssl.engine.keras_internals import BuiltByConstructor
from keras_center_ssl.engine.workers import worker_count


def replica_count():
    """Number of replicas that step together; 1 without a strategy."""
    context = tf.distribute.get_replica_context()
    return context.num_replicas_in_sync if context else 1


def all_reduce_sum(x):
    """Sum of `x` over all replicas. Differentiable."""
    if replica_count() == 1:
        return x
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, x)


def all_gather(x):
    """The replicas' `x`, joined along the batch axis in replica order. Differentiable."""
    if replica_count() == 1:
        return x
    gathered = tf.distribute.get_replica_context().all_gather(x, axis=0)
    # The strategy forgets all of the shape; only the number of rows is unknown.
    gathered.set_shape([None, *x.shape[1:]])
    return gathered


def rows_before(x):
    """How many rows of the global batch are on the replicas before this one, int32."""
    if replica_count() == 1:
        return 0
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    if x.shape[0] is not None:
        return replica * x.shape[0]
    return tf.reduce_sum(all_gather(tf.shape(x)[:1])[:replica])


def global_moments(x, axes):
    """Mean and biased variance of `x` over `axes` and over all replicas. Differentiable.

    The replicas' means and squared deviations are combined, in one collective (Chan, Golub &
    LeVeque 1983, eq. 2.1). Keras' synchronised batch norm takes the difference `E[x^2] - E[x]^2`,
    which costs float32 its digits where the mean is large against the deviation.

    Args:
        x: Tensor of which each replica has its rows, as many as the others or not (none, even).
        axes: The axes to reduce, the batch axis among them.

    Returns:
        Two tensors of the shape that is left.
    """
    kept = [size for axis, size in enumerate(x.shape) if axis not in axes]
    rows = tf.cast(tf.size(x), x.dtype) / float(math.prod(kept))
    filled = tf.maximum(rows, 1.0)
    mean = tf.reduce_sum(x, axes, keepdims=True) / filled
    deviation = tf.reduce_sum(tf.square(x - mean), axes)
    own = tf.concat([[rows], tf.reshape(mean, [-1]), tf.reshape(deviation, [-1])], axis=0)
    context = tf.distribute.get_replica_context()
    place = tf.one_hot(context.replica_id_in_sync_group, replica_count(), dtype=x.dtype)
    # A sum of rows that are 0 but for one replica's: no collective but the sum needs no merge of
    # the replicas' threads, and none else runs under XLA.
    rows, means, deviations = tf.split(
        all_reduce_sum(place[:, None] * own), [1, math.prod(kept), math.prod(kept)], axis=1
    )
    total = tf.reduce_sum(rows)
    mean = tf.reduce_sum(rows * means, axis=0) / total
    variance = tf.reduce_sum(deviations + rows * tf.square(means - mean), axis=0) / total
    return tf.reshape(mean, kept), tf.reshape(variance, kept)


def has_accelerator():
    """Whether TensorFlow sees a GPU or a TPU."""
    return bool(tf.config.list_physical_devices("GPU") or tf.config.list_physical_devices("TPU"))


def compiled(function, model):
    """`function` of tensors and of the model's variables as one graph; one trace a shape."""
    return tf.function(function, autograph=False)


def fused_batch_norm(inputs, gamma, beta, epsilon):
    """Batch normalisation over all axes but the last, in one kernel.

    Args:
        inputs: Tensor of shape `(B, H, W, C)`, float32 or half precision.
        gamma: Scale, float32 of shape `(C,)`.
        beta: Offset, float32 of shape `(C,)`.
        epsilon: Added to the variance.

    Returns:
        The normalised inputs, and mean and *biased* variance of the batch (float32, `(C,)`), or
        `None` where only the general implementation serves: with more than one replica the
        statistics have to be global.
    """
    if replica_count() > 1:
        return None
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=gamma,
        offset=beta,
        mean=tf.zeros([0], tf.float32),
        variance=tf.zeros([0], tf.float32),
        epsilon=epsilon,
        exponential_avg_factor=1.0,
        data_format="NHWC",
        is_training=True,
    )
    # The kernel reports the variance with Bessel's correction; Keras keeps the biased one.
    count = tf.cast(tf.reduce_prod(tf.shape(inputs)[:-1]), tf.float32)
    return outputs, mean, variance * (tf.maximum(count - 1.0, 1.0) / count)


class TrainStep(BuiltByConstructor):
    """`train_step` and `test_step` with a gradient tape. See `methods.SSLModel` for the hooks."""

    @functools.wraps(keras.Model.fit)
    def fit(self, x=None, *args, steps_per_epoch=None, validation_data=None, **kwargs):
        strategy, data, own_steps = self.distribute_strategy, x, steps_per_epoch
        if self._shares_out(x):
            x, steps_per_epoch = replica_batches.endless(x, strategy, steps_per_epoch)
        if self._shares_out(validation_data):
            steps = replica_batches.step_count(validation_data, kwargs.get("validation_steps"))
            kwargs["validation_steps"] = steps
            validation_data = replica_batches.share_out(validation_data, strategy)
        history = super().fit(
            x, *args, steps_per_epoch=steps_per_epoch, validation_data=validation_data, **kwargs
        )
        if x is not data and own_steps is None and hasattr(data, "position"):
            data.position.advance(len(history.epoch))
        return history

    @functools.wraps(keras.Model.evaluate)
    def evaluate(self, x=None, *args, steps=None, **kwargs):
        if self._shares_out(x):
            steps = replica_batches.step_count(x, steps)
            x = replica_batches.share_out(x, self.distribute_strategy)
        return super().evaluate(x, *args, steps=steps, **kwargs)

    def _shares_out(self, x):
        return isinstance(x, tf.data.Dataset) and self.distribute_strategy.num_replicas_in_sync > 1

    def train_step(self, data):
        views = self.unpack(data)
        replicas = replica_count()
        with tf.GradientTape() as tape:
            loss, embeddings = self.objective(views, training=True)
            # The optimizer sums the gradients of the replicas, each of which holds the loss of
            # the global batch (or the mean over its own part).
            scaled_loss = self.optimizer.scale_loss(loss / replicas)
        variables = self.trainable_variables
        gradients = tape.gradient(scaled_loss, variables)
        if self.transforms_gradients:
            if replicas > 1:
                gradients = [None if g is None else all_reduce_sum(g) for g in gradients]
            gradients = self.gradient_transform(gradients, variables)
            if replicas > 1:
                gradients = [None if g is None else g / replicas for g in gradients]
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return _reducible(self.finish_step(loss, embeddings))

    def test_step(self, data):
        loss, embeddings = self.objective(self.unpack(data), training=False)
        return _reducible(self.update_figures(loss, embeddings))


def _reducible(logs):
    """Logs as Keras takes them from a step: of shape `(1,)` where there are several workers.

    Keras averages those over workers along axis 0, which a scalar does not have.
    """
    strategy = tf.distribute.get_strategy()
    multi_worker = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    # Of one worker alone, Keras hands the logs out as they are.
    if not multi_worker or worker_count(strategy) == 1:
        return logs
    return {name: tf.reshape(value, [1]) for name, value in logs.items()}
