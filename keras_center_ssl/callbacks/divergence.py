"""A loss or a weight that is not finite ends the training, at the step where it happens."""

import math

import keras

from keras_center_ssl.callbacks.weight_check import first_bad_weight
from keras_center_ssl.errors import DivergenceError, InputError

_ADVICE = (
    "A lower learning rate, a longer warm-up or float32 instead of a 16-bit precision usually "
    "helps; so does a look for NaN in the images."
)


class StopOnDivergence(keras.callbacks.Callback):
    """Raises `kcs.DivergenceError` where the loss or a weight is NaN or infinite.

    Looks at the loss of every step, which Keras has fetched for its own progress bar, and at the
    weights every `every` steps and at epoch ends: an activation may turn NaN into 0, and a model
    whose weights are lost may then report a finite loss. The error names the step, and the first
    of the method's tracked branches whose embeddings were not finite, or the first such weight.
    Put it before callbacks that save something.

    Args:
        every: Steps between looks at the weights, each of which waits for the device; `None`: at
            epoch ends only.

    Example:

    >>> model.fit(dataset, callbacks=[kcs.callbacks.StopOnDivergence()])
    """

    def __init__(self, every=50):
        super().__init__()
        if every is not None and every < 1:
            raise InputError(
                f"every is 1 or more steps, or None for epoch ends only; received {every!r}."
            )
        self.every = every
        self._first = None
        self._step = self._epoch_start = 0

    def on_train_begin(self, logs=None):
        self._first = None
        self._step = self._epoch_start = 0

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._epoch_start = epoch, self._step

    def on_train_batch_end(self, batch, logs=None):
        before, self._step = self._step, self._epoch_start + batch + 1
        logs = logs or {}
        if self._first is None:
            self._first = self._branch(logs)
        if not math.isfinite(logs.get("loss", 0.0)):
            raise DivergenceError(
                f"The loss is not finite at {self._place()}. {self._reason()} {_ADVICE}",
                self._step,
                self._first and self._first[0],
                first_bad_weight(self.model),
            )
        # Not `step % every`: with `steps_per_execution` several steps have passed.
        if self.every is not None and before // self.every < self._step // self.every:
            self._check_weights()

    def on_epoch_end(self, epoch, logs=None):
        self._check_weights()

    def checkpoint_state(self):
        return {"step": self._step, "epoch_start": self._epoch_start}

    def restore_state(self, state):
        self._step, self._epoch_start = state["step"], state["epoch_start"]

    def _check_weights(self):
        weight = first_bad_weight(self.model)
        if weight is not None:
            raise DivergenceError(
                f"The weight {weight!r} is NaN or infinite at {self._place()}, though the loss "
                f"that was reported last is finite. {_ADVICE}",
                self._step,
                self._first and self._first[0],
                weight,
            )

    def _place(self):
        within = self._step - self._epoch_start
        return f"step {self._step} (epoch {self._epoch + 1}, step {within} in it)"

    def _branch(self, logs):
        """The first tracked branch with a figure that is not finite, and the step."""
        for branch in getattr(self.model, "trackers", {}):
            figures = dict.fromkeys(("positive_cosine",))
            names = self.model.figures.training.names(branch, figures)
            if any(not math.isfinite(logs.get(name, 0.0)) for name in names):
                return branch, self._step
        return None

    def _reason(self):
        if self._first is None:
            return (
                "The embeddings of all tracked branches were finite, so it is the loss itself: an "
                "exponential or a logarithm out of range, for example at a very low temperature."
            )
        branch, since = self._first
        began = "" if since == self._step else f", since step {since}"
        return (
            f"The first branch that was not finite is {branch!r}{began}: the weights have left "
            "the range of numbers in the step before, or the images had."
        )
