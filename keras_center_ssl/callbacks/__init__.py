"""Keras callbacks for `model.fit`."""

from keras_center_ssl import keras_needed  # noqa: F401
from keras_center_ssl.callbacks.best_encoder import BestEncoder
from keras_center_ssl.callbacks.checkpointing import Checkpoint
from keras_center_ssl.callbacks.collapse_finding import CollapseFinding
from keras_center_ssl.callbacks.collapse_monitor import CollapseMonitor
from keras_center_ssl.callbacks.divergence import StopOnDivergence
from keras_center_ssl.callbacks.knn_evaluation import KNNEvaluation
from keras_center_ssl.callbacks.linear_probe import LinearProbe
from keras_center_ssl.callbacks.progress import TrainingProgress
from keras_center_ssl.callbacks.signals import stop_on_signals

__all__ = [
    "BestEncoder",
    "Checkpoint",
    "CollapseFinding",
    "CollapseMonitor",
    "KNNEvaluation",
    "LinearProbe",
    "StopOnDivergence",
    "TrainingProgress",
    "stop_on_signals",
]
