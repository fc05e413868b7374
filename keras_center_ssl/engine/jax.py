"""The training step on JAX: a pure function of the model's state.

Under `keras.distribution.DataParallel` JAX sees global arrays, so that every statistic of a batch
is global already and the collectives are the identity.
"""

import contextlib
import functools

import jax
import keras
import numpy as np

from keras_center_ssl.engine.keras_internals import has_value
from keras_center_ssl.engine.replica_batches import check_even
from keras_center_ssl.engine.tensorflow_when_used import loaded_tensorflow


def replica_count():
    """Always 1: JAX computes on global arrays."""
    return 1


def all_reduce_sum(x):
    """The identity: JAX computes on global arrays."""
    return x


def all_gather(x):
    """The identity: JAX computes on global arrays."""
    return x


def rows_before(x):
    """Always 0: JAX computes on global arrays."""
    return 0


def global_moments(x, axes):
    """Never called: with one replica, a layer's own statistics are global."""
    raise NotImplementedError


def has_accelerator():
    """Whether JAX sees a GPU or a TPU."""
    return jax.default_backend() != "cpu"


def compiled(function, model):
    """`function` of tensors and of the model's variables, compiled once for each shape."""

    @jax.jit
    def pure(values, *arguments):
        with keras.StatelessScope(list(zip(model.variables, values, strict=True))):
            return function(*arguments)

    return lambda *arguments: pure([v.value for v in model.variables], *arguments)


def fused_batch_norm(inputs, gamma, beta, epsilon):
    """Always `None`: XLA fuses the general implementation."""
    return None


class TrainStep:
    """Stateless `train_step` and `test_step`. See `methods.SSLModel` for the hooks."""

    def train_step(self, state, data):
        trainable, non_trainable, optimizer_variables, metrics = state
        views = self.unpack(data)

        def run(trainable, non_trainable, function):
            return self._run(trainable, non_trainable, function, optimizer_variables)

        def objective():
            loss, embeddings = self.objective(views, training=True)
            return self.optimizer.scale_loss(loss), loss, embeddings

        def loss_and_updates(trainable, non_trainable):
            scope, (scaled, loss, embeddings) = run(trainable, non_trainable, objective)
            return scaled, (loss, embeddings, self._values(scope, self.non_trainable_variables))

        gradients, (loss, embeddings, non_trainable) = jax.grad(loss_and_updates, has_aux=True)(
            trainable, non_trainable
        )
        if self.transforms_gradients:
            # In the scope: the method may ask for its clock, or the optimizer's loss scale.
            _, gradients = run(
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

    @functools.wraps(keras.Model.fit)
    def fit(self, x=None, *args, validation_data=None, **kwargs):
        # Where it is loaded already, it must not take the GPUs' memory at its first use.
        loaded_tensorflow()
        with values_kept(self), _shares(x, validation_data) as (x, validation_data):
            return super().fit(x, *args, validation_data=validation_data, **kwargs)

    @functools.wraps(keras.Model.evaluate)
    def evaluate(self, *args, **kwargs):
        with values_kept(self):
            return super().evaluate(*args, **kwargs)

    @functools.wraps(keras.Model.predict)
    def predict(self, *args, **kwargs):
        with values_kept(self):
            return super().predict(*args, **kwargs)

    def train_on_batch(self, x, *args, **kwargs):
        return super().train_on_batch(_arrays(x), *args, **kwargs)

    def test_on_batch(self, x, *args, **kwargs):
        return super().test_on_batch(_arrays(x), *args, **kwargs)

    def _run(self, trainable, non_trainable, function, optimizer_variables=()):
        """Runs `function` with the given values; returns the scope that holds its updates."""
        pairs = [
            *zip(self.trainable_variables, trainable, strict=True),
            *zip(self.non_trainable_variables, non_trainable, strict=True),
        ]
        if optimizer_variables:
            # Mixed precision keeps its loss scale there.
            pairs += zip(self.optimizer.variables, optimizer_variables, strict=True)
        with keras.StatelessScope(state_mapping=pairs, collect_losses=True) as scope:
            result = function()
        return scope, result

    @staticmethod
    def _values(scope, variables):
        values = [scope.get_current_value(variable) for variable in variables]
        return [v.value if x is None else x for v, x in zip(variables, values, strict=True)]


@contextlib.contextmanager
def values_kept(model):
    """Gives the model's variables their values back where Keras' loop in this block fails.

    Keras takes them out while it steps, and puts them back at an epoch's end: an error in between,
    in the data or in a callback, would leave a model without weights.
    """
    variables = list(model.variables)
    if getattr(model, "optimizer", None) is not None:
        variables += model.optimizer.variables
    before = [variable.value for variable in variables]
    try:
        yield
    except BaseException:
        # After the first step, what the last one gave; before it, nothing has changed.
        model.jax_state_sync()
        for variable, value in zip(variables, before, strict=True):
            if not has_value(variable):
                variable.assign(value)
        raise


@contextlib.contextmanager
def _shares(*datasets):
    """This process' part of each `tf.data.Dataset`, where several processes train together.

    Keras would cut it out of the whole batch, and forget how many batches there are: epochs without
    a known length have no schedules. `kcs.data.multi_view` makes but the rows that are needed.

    Raises:
        InputError: If a batch cannot be shared evenly by the devices.
    """
    distribution = keras.distribution.distribution()
    if distribution is not None:
        replicas = distribution.num_model_replicas
        for dataset in datasets:
            for spec in keras.tree.flatten(getattr(dataset, "element_spec", ())):
                if spec.shape and spec.shape[0]:
                    check_even(spec.shape[0], replicas)
    if jax.process_count() == 1 or not getattr(distribution, "auto_shard_dataset", False):
        yield datasets
        return

    def share(dataset):
        if hasattr(dataset, "rows_of"):
            parts = min(replicas, jax.process_count())
            return dataset.rows_of(distribution.data_shard_id, parts)
        tf = loaded_tensorflow()
        if tf is None or not isinstance(dataset, tf.data.Dataset):
            return dataset
        length = tf.data.experimental.assert_cardinality(dataset.cardinality())
        return distribution.distribute_dataset(dataset).apply(length)

    shares = tuple(share(dataset) for dataset in datasets)
    distribution.auto_shard_dataset = False
    try:
        yield shares
    finally:
        distribution.auto_shard_dataset = True


def _arrays(batch):
    """A batch of a `tf.data.Dataset` as NumPy arrays: `jax.jit` refuses TensorFlow's tensors."""
    return keras.tree.map_structure(
        lambda x: x if isinstance(x, jax.Array) else np.asarray(x), batch
    )
