"""Keeps the best encoder of a training, by a figure that needs no labels."""

import math
import pathlib

import keras

from keras_center_ssl.encoders import plain
from keras_center_ssl.errors import InputError, one_of
from keras_center_ssl.files import atomic_path

MODES = ("max", "min")


class BestEncoder(keras.callbacks.Callback):
    """Saves the encoder, in stock Keras layers, at the epoch whose figure is the best so far.

    Args:
        path: The `.keras` file to write; it is replaced whole or not at all.
        figure: A figure in the epoch's logs: `"between_variance"` of the embeddings, which needs
            no labels (of features it ranked encoders more as k-NN does than any other such figure
            did: training/experiments/label_free), `"val_between_variance"` where there is
            validation data, or any other that `fit` or a callback before this one logs.
        mode: Whether the best is the largest (`"max"`) or the smallest (`"min"`).

    Attributes:
        best: Value of the figure at the encoder that was kept; `None` before the first.
        best_epoch: Its epoch, counted from 1.
    """

    def __init__(self, path, figure="between_variance", mode="max"):
        super().__init__()
        self.path = pathlib.Path(path)
        if self.path.suffix != ".keras":
            raise InputError(f"path is a .keras file to write; received {str(path)!r}.")
        if mode not in MODES:
            raise one_of("mode", mode, MODES)
        self.figure = figure
        self.mode = mode
        self.best = None
        self.best_epoch = None

    def on_epoch_end(self, epoch, logs=None):
        if self.figure not in logs:
            raise InputError(
                f"BestEncoder goes by {self.figure!r}, which is not among the figures of this "
                f"training: {', '.join(sorted(logs))}. Put the callback that logs it before this "
                "one."
            )
        value = float(logs[self.figure])
        better = self.best is None or (
            value > self.best if self.mode == "max" else value < self.best
        )
        if not math.isfinite(value) or not better:
            return
        self.best, self.best_epoch = value, epoch + 1
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(self.path) as unfinished:
            plain(self.model.encoder).save(unfinished)
