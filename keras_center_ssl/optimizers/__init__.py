"""LARS, AdamW with a scheduled decay, schedules, and learning rates of single variables."""

from keras_center_ssl import keras_needed  # noqa: F401

# isort: split

import keras

from keras_center_ssl.optimizers.adamw import AdamW
from keras_center_ssl.optimizers.lars import LARS
from keras_center_ssl.optimizers.rates import base_learning_rate, hold_learning_rate
from keras_center_ssl.optimizers.schedules import WarmupCosine

# What a recipe may name.
OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": AdamW,
    "lars": LARS,
    "sgd": keras.optimizers.SGD,
}

__all__ = [
    "LARS",
    "OPTIMIZERS",
    "AdamW",
    "WarmupCosine",
    "base_learning_rate",
    "hold_learning_rate",
]
