"""LARS, schedules, and learning rates of single variables. Other optimizers are Keras' own."""

from keras_center_ssl import keras_needed  # noqa: F401

# isort: split

import keras

from keras_center_ssl.optimizers.lars import LARS
from keras_center_ssl.optimizers.rates import base_learning_rate, hold_learning_rate
from keras_center_ssl.optimizers.schedules import WarmupCosine

# What a recipe may name.
OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "lars": LARS,
    "sgd": keras.optimizers.SGD,
}

__all__ = ["LARS", "OPTIMIZERS", "WarmupCosine", "base_learning_rate", "hold_learning_rate"]
