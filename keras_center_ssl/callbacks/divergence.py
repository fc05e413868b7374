"""A loss that is not finite ends the training, at the step where it happens."""

import math

import keras

from keras_center_ssl.errors import DivergenceError


class StopOnDivergence(keras.callbacks.Callback):
    """Raises `kcs.DivergenceError` at the first step whose loss is NaN or infinite.

    The error names the step, and the first of the method's tracked branches whose embeddings were
    not finite. Only logs are read, which Keras has fetched for its own progress bar. Put it before
    callbacks that save something.

    Example:

    >>> model.fit(dataset, callbacks=[kcs.callbacks.StopOnDivergence()])
    """

    def __init__(self):
        super().__init__()
        self._first = None
        self._step = self._epoch_start = 0

    def on_train_begin(self, logs=None):
        self._first = None
        self._step = self._epoch_start = 0

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._epoch_start = epoch, self._step

    def on_train_batch_end(self, batch, logs=None):
        self._step = self._epoch_start + batch + 1
        logs = logs or {}
        if self._first is None:
            self._first = self._branch(logs)
        if not math.isfinite(logs.get("loss", 0.0)):
            raise DivergenceError(self._message(batch), self._step, self._first and self._first[0])

    def checkpoint_state(self):
        return {"step": self._step, "epoch_start": self._epoch_start}

    def restore_state(self, state):
        self._step, self._epoch_start = state["step"], state["epoch_start"]

    def _branch(self, logs):
        """The first tracked branch with a figure that is not finite, and the step."""
        for branch in getattr(self.model, "trackers", {}):
            names = self.model.branch_names(branch, dict.fromkeys(("positive_cosine",)))
            if any(not math.isfinite(logs.get(name, 0.0)) for name in names):
                return branch, self._step
        return None

    def _message(self, batch):
        where = f"step {self._step} (epoch {self._epoch + 1}, step {batch + 1} in it)"
        if self._first is None:
            reason = (
                "The embeddings of all tracked branches were finite, so it is the loss itself: an "
                "exponential or a logarithm out of range, for example at a very low temperature."
            )
        else:
            branch, since = self._first
            began = "" if since == self._step else f", since step {since}"
            reason = (
                f"The first branch that was not finite is {branch!r}{began}: the weights have left "
                "the range of numbers in the step before, or the images had."
            )
        return (
            f"The loss is not finite at {where}. {reason} A lower learning rate, a longer warm-up "
            "or float32 instead of a 16-bit precision usually helps."
        )
