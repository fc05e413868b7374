"""Keras callbacks for `model.fit`."""

from keras_center_ssl.callbacks.progress import TrainingProgress

__all__ = ["TrainingProgress"]
