"""Schedules, and learning rates of single variables. Optimizers are Keras' own."""

from keras_center_ssl.optimizers.rates import base_learning_rate, hold_learning_rate
from keras_center_ssl.optimizers.schedules import WarmupCosine

__all__ = ["WarmupCosine", "base_learning_rate", "hold_learning_rate"]
