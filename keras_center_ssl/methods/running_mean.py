"""The mean of a scalar over steps, exact over replicas."""

import keras
from keras import ops

from keras_center_ssl import engine
from keras_center_ssl.numerics import full_precision


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class RunningMean(keras.layers.Layer):
    """Mean of a scalar over the steps since the last reset, the same on every replica."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "trainable": False, "dtype": full_precision()})
        state = dict(shape=(), initializer="zeros", trainable=False, aggregation="mean")
        self.total = self.add_weight(name="total", **state)
        self.steps = self.add_weight(name="steps", **state)
        self.built = True

    def update_state(self, value):
        """Adds this replica's `value`; replicas count alike."""
        value = engine.all_reduce_sum(ops.cast(value, full_precision())) / engine.replica_count()
        self.total.assign(self.total + ops.stop_gradient(value))
        self.steps.assign(self.steps + 1.0)

    def reset_state(self):
        for state in (self.total, self.steps):
            state.assign(ops.zeros(()))

    def result(self):
        return self.total / ops.maximum(self.steps, 1.0)
