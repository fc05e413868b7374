"""Keras callbacks for `model.fit`."""

from keras_center_ssl import keras_needed  # noqa: F401
from keras_center_ssl.callbacks.checkpointing import Checkpoint
from keras_center_ssl.callbacks.collapse_monitor import CollapseFinding, CollapseMonitor
from keras_center_ssl.callbacks.divergence import StopOnDivergence
from keras_center_ssl.callbacks.progress import TrainingProgress

__all__ = [
    "Checkpoint",
    "CollapseFinding",
    "CollapseMonitor",
    "StopOnDivergence",
    "TrainingProgress",
]
