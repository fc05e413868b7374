"""The training step on JAX: a pure function of the model's state.

Under `keras.distribution.DataParallel` JAX sees global arrays, so that every statistic of a batch
is global already and the collectives are the identity.
"""

import jax
import keras
import numpy as np


def replica_count():
    """Always 1: JAX computes on global arrays."""
    return 1


def all_reduce_sum(x):
    """The identity: JAX computes on global arrays."""
    return x


def all_gather(x):
    """The identity: JAX computes on global arrays."""
    return x


def global_moments(x, axes):
    """Never called: with one replica, a layer's own statistics are global."""
    raise NotImplementedError


def has_accelerator():
    """Whether JAX sees a GPU or a TPU."""
    return jax.default_backend() != "cpu"


def compiled(function):
    """`function` as it is: outside a step, variables are read where they are."""
    return function


def fused_batch_norm(inputs, gamma, beta, epsilon):
    """Always `None`: XLA fuses the general implementation."""
    return None


class TrainStep:
    """Stateless `train_step` and `test_step`. See `methods.SSLModel` for the hooks."""

    def train_step(self, state, data):
        trainable, non_trainable, optimizer_variables, metrics = state
        views = self.unpack(data)

        def loss_and_updates(trainable, non_trainable):
            scope, (loss, embeddings) = self._run(
                trainable, non_trainable, lambda: self.objective(views, training=True)
            )
            scaled = self.optimizer.scale_loss(loss)
            return scaled, (loss, embeddings, self._values(scope, self.non_trainable_variables))

        gradients, (loss, embeddings, non_trainable) = jax.grad(loss_and_updates, has_aux=True)(
            trainable, non_trainable
        )
        if self.transforms_gradients:
            # In the scope: the method may ask for its clock, or the optimizer's loss scale.
            _, gradients = self._run(
                trainable,
                non_trainable,
                lambda: self.gradient_transform(gradients, self.trainable_variables),
            )
        trainable, optimizer_variables = self.optimizer.stateless_apply(
            optimizer_variables, gradients, trainable
        )
        scope, logs = self._run(
            trainable, non_trainable, lambda: self.finish_step(loss, embeddings)
        )
        trainable = self._values(scope, self.trainable_variables)
        non_trainable = self._values(scope, self.non_trainable_variables)
        return logs, (trainable, non_trainable, optimizer_variables, metrics)

    def test_step(self, state, data):
        trainable, non_trainable, metrics = state
        views = self.unpack(data)
        scope, logs = self._run(
            trainable,
            non_trainable,
            lambda: self.update_figures(*self.objective(views, training=False)),
        )
        return logs, (trainable, self._values(scope, self.non_trainable_variables), metrics)

    def train_on_batch(self, x, *args, **kwargs):
        return super().train_on_batch(_arrays(x), *args, **kwargs)

    def test_on_batch(self, x, *args, **kwargs):
        return super().test_on_batch(_arrays(x), *args, **kwargs)

    def _run(self, trainable, non_trainable, function):
        """Runs `function` with the given values; returns the scope that holds its updates."""
        pairs = [
            *zip(self.trainable_variables, trainable, strict=True),
            *zip(self.non_trainable_variables, non_trainable, strict=True),
        ]
        with keras.StatelessScope(state_mapping=pairs) as scope:
            result = function()
        return scope, result

    @staticmethod
    def _values(scope, variables):
        values = [scope.get_current_value(variable) for variable in variables]
        return [v.value if x is None else x for v, x in zip(variables, values, strict=True)]


def _arrays(batch):
    """A batch of a `tf.data.Dataset` as NumPy arrays: `jax.jit` refuses TensorFlow's tensors."""
    return keras.tree.map_structure(
        lambda x: x if isinstance(x, jax.Array) else np.asarray(x), batch
    )
