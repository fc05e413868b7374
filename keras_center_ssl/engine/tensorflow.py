"""The training step on TensorFlow, under any `tf.distribute` strategy."""

import tensorflow as tf


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


def has_accelerator():
    """Whether TensorFlow sees a GPU or a TPU."""
    return bool(tf.config.list_physical_devices("GPU") or tf.config.list_physical_devices("TPU"))


def compiled(function):
    """`function` of tensors as one graph; one trace for each shape."""
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


class TrainStep:
    """`train_step` and `test_step` with a gradient tape. See `methods.SSLModel` for the hooks."""

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
        return self.finish_step(loss, embeddings)

    def test_step(self, data):
        loss, embeddings = self.objective(self.unpack(data), training=False)
        return self.update_figures(loss, embeddings)
