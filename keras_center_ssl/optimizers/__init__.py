"""LARS, schedules, and learning rates of single variables. Other optimizers are Keras' own."""

from keras_center_ssl.optimizers.lars import LARS
from keras_center_ssl.optimizers.rates import base_learning_rate, hold_learning_rate
from keras_center_ssl.optimizers.schedules import WarmupCosine

__all__ = ["LARS", "WarmupCosine", "base_learning_rate", "hold_learning_rate"]
