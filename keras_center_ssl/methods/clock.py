"""How far a training has come: what momentum schedules and frozen layers go by."""

import keras
from keras import ops

from keras_center_ssl.numerics import full_precision


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class Clock(keras.layers.Layer):
    """Counts optimizer steps, and knows how many there will be.

    `fit` sets the plan; a loaded model goes on where it was saved.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "trainable": False, "dtype": full_precision()})
        state = dict(shape=(), initializer="zeros", trainable=False, aggregation="mean")
        self.step = self.add_weight(name="step", **state)
        self.total_steps = self.add_weight(name="total_steps", **state)
        self.steps_per_epoch = self.add_weight(name="steps_per_epoch", **state)
        self.built = True

    def plan(self, epochs, steps_per_epoch):
        """Says that `epochs` more epochs of `steps_per_epoch` steps are to come."""
        done = float(ops.convert_to_numpy(self.step))
        self.steps_per_epoch.assign(float(steps_per_epoch))
        self.total_steps.assign(done + float(epochs * steps_per_epoch))

    def tick(self):
        self.step.assign(self.step + 1.0)

    @property
    def progress(self):
        """Share of the training that is done, 0 to 1; 0 while the length is unknown."""
        return ops.where(
            self.total_steps > 0,
            ops.clip(self.step / ops.maximum(self.total_steps, 1.0), 0.0, 1.0),
            0.0,
        )

    @property
    def epochs_done(self):
        """Epochs that are done, a fraction within one; 0 while their length is unknown."""
        return ops.where(
            self.steps_per_epoch > 0, self.step / ops.maximum(self.steps_per_epoch, 1.0), 0.0
        )
