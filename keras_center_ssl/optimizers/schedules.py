"""Learning-rate schedules."""

import math

import keras
from keras import ops

from keras_center_ssl.errors import InputError
from keras_center_ssl.numerics import full_precision


@keras.saving.register_keras_serializable(package="keras_center_ssl")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up to the base rate, then half a cosine down to the final one.

    Args:
        base_learning_rate: The highest rate, reached at the end of the warm-up.
        total_steps: Steps of the whole training, warm-up included; the last has the final rate.
        warmup_steps: Steps of the warm-up, fewer than `total_steps`.
        warmup_start: Rate of the first step, when there is a warm-up.
        final_learning_rate: Rate at `total_steps` and after it.
    """

    def __init__(
        self,
        base_learning_rate,
        total_steps,
        warmup_steps=0,
        warmup_start=0.0,
        final_learning_rate=0.0,
    ):
        super().__init__()
        if not 0 <= warmup_steps < total_steps:
            raise InputError(
                f"The warm-up is shorter than the training; received warmup_steps={warmup_steps} "
                f"and total_steps={total_steps}."
            )
        self.base_learning_rate = base_learning_rate
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.warmup_start = warmup_start
        self.final_learning_rate = final_learning_rate

    def __call__(self, step):
        step = ops.cast(step, full_precision())
        base, warmup = self.base_learning_rate, self.warmup_steps
        progress = ops.clip((step - warmup) / (self.total_steps - warmup), 0.0, 1.0)
        cosine = 0.5 * (1.0 + ops.cos(math.pi * progress))
        rate = self.final_learning_rate + (base - self.final_learning_rate) * cosine
        if not warmup:
            return rate
        rising = self.warmup_start + (base - self.warmup_start) * step / warmup
        return ops.where(step < warmup, rising, rate)

    def get_config(self):
        return {
            "base_learning_rate": self.base_learning_rate,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            "warmup_start": self.warmup_start,
            "final_learning_rate": self.final_learning_rate,
        }
