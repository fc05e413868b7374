"""Keras callbacks for `model.fit`."""

from keras_center_ssl.callbacks.collapse_monitor import CollapseFinding, CollapseMonitor
from keras_center_ssl.callbacks.progress import TrainingProgress

__all__ = ["CollapseFinding", "CollapseMonitor", "TrainingProgress"]
