"""Checkpoints from which a training goes on as if it had not been interrupted."""

import math
import signal
import time

import keras
import numpy as np

from keras_center_ssl._version import __version__
from keras_center_ssl.callbacks.checkpoint_files import CheckpointFolder
from keras_center_ssl.callbacks.training_state import (
    MADE_WITH,
    arrays_of,
    assign,
    check_same_model,
)
from keras_center_ssl.engine.keras_internals import begin_fit_at
from keras_center_ssl.engine.workers import shared_stop
from keras_center_ssl.errors import InputError, TrainingStopped


class Checkpoint(keras.callbacks.Callback):
    """Saves all state of a training, and resumes from it: a `BackupAndRestore` that is exact.

    Where the folder holds a checkpoint, `fit` goes on from it; else it begins, and writes them: at
    every epoch's end, and within epochs every `every` steps or `minutes`. With a method of this
    package on data of `kcs.data.multi_view`, a training that was killed at any moment and started
    again in the same way ends with the weights of one that was not: all weights (teacher, queue,
    prototypes, running figures, seeds of dropout), the optimizer, the schedules, the place in the
    data and the seeds of the views are restored; so are `CollapseMonitor` and the other callbacks
    of this package. "The same" is bit for bit where the device computes so: a CPU does.

    A checkpoint gets its name when all of it is on the disk. It carries its SHA-256: a damaged one
    is passed over, with a `CheckpointWarning`, for the one before. One whose weights are not
    finite is never written.

    Data of other kinds cannot be asked for its place: then checkpoints are of epochs' ends, and
    the order of the images is the data's own affair. The same holds for a `keras.Model` of another
    package, a length of epochs that is unknown or not that of the data (`steps_per_epoch`), and
    `steps_per_execution` that does not divide it.

    `fit(epochs=)` may be raised for a training that is done: it then goes on, with the momentum
    schedules stretched to the new length. The learning rate's schedule is the optimizer's own.

    Args:
        folder: Where the checkpoints are, and nothing else is.
        every: Steps between checkpoints within an epoch; `None`: `minutes` decides.
        minutes: Minutes between checkpoints within an epoch; `None`: at epoch ends only.
        keep: How many to keep, 1 or more. While one is written there is one more.
        data: The `multi_view` dataset, where `fit` gets one that was made from it.
        say: Called with a sentence where a training goes on, `print` for example.

    Attributes:
        checkpoints: The `CheckpointFolder`.
        resumed: `None`, or where the training went on, in words.
        seconds: Time in training, all sessions together.

    Raises:
        InputError: For a checkpoint of another model, or of data with another number of steps.
        TrainingStopped: Where a checkpoint cannot be written, as on a full disk.
        DivergenceError: Where weights are NaN or infinite.

    Example:

    >>> model.fit(dataset, epochs=100, callbacks=[kcs.callbacks.Checkpoint("checkpoints")])
    """

    # `SSLModel.fit` puts such a callback after all others, and lets it begin within an epoch.
    resumes_fit = True

    def __init__(self, folder, every=None, minutes=10, keep=2, data=None, say=None):
        super().__init__()
        for name, value in (("every", every), ("minutes", minutes), ("keep", keep)):
            if (value is not None and value <= 0) or (name == "keep" and value is None):
                raise InputError(f"{name} is above 0; received {value!r}.")
        self.checkpoints = CheckpointFolder(folder, keep)
        self.every = every
        self.minutes = minutes
        self.data = data
        self.say = say or (lambda text: None)
        # The running fit, set by `SSLModel.fit`.
        self.fit = None
        self.resumed = None
        self.seconds = 0.0
        self._signal = None
        self._shared = None

    def stop(self, number):
        """Ends the training after the current step, with a checkpoint and `TrainingStopped`.

        Args:
            number: The signal that asks for it, such as `signal.SIGTERM`.
        """
        self._signal = number

    # What Keras calls.

    def on_train_begin(self, logs=None):
        self._epoch = self._step = self._total = 0
        self._shared = shared_stop(getattr(self.model, "distribute_strategy", None))
        self._origin = self.fit.origin if self.fit else None
        self.seconds, self.resumed = 0.0, None
        self._restored = self._last_place = None
        found = self.checkpoints.read()
        if found:
            self._resume(*found)
            self.say(f"Going on from {self.resumed}.")
        elif self.checkpoints.files():
            self.say("No checkpoint is whole: the training starts over.")
        self._since = self._saved = time.monotonic()
        self._begun = self._total, self._since

    def on_epoch_begin(self, epoch, logs=None):
        if self._restored and self._step:
            # Keras and the other callbacks have begun an epoch anew that had begun before.
            self._restore(*self._restored)
        self._restored, self._epoch = None, epoch

    def on_train_batch_end(self, batch, logs=None):
        before = self._total
        self._total, self._step = before + batch + 1 - self._step, batch + 1
        within = self.fit is not None and self.fit.can_begin_within_epoch
        if within and self._step >= self.fit.steps:
            # The epoch's end is about to come, and is saved with what belongs to it.
            return
        stops = self._stops_here()
        if within and (stops or self._due(before)):
            self.save()
        if stops:
            self._raise_stopped()

    def on_epoch_end(self, epoch, logs=None):
        self._epoch, self._step = epoch + 1, 0
        self.save()
        if self._stops_here():
            self._raise_stopped()

    def on_train_end(self, logs=None):
        if self._shared:
            self._shared.close()

    def _stops_here(self):
        """Whether a signal ends the training after this step, here and on all other workers."""
        if self._shared is None:
            return self._signal is not None
        if self._signal and not self._shared.found:
            # Two seconds are enough for the word to get around, and soon enough for who waits.
            step, moment = self._begun
            pace = (time.monotonic() - moment) / max(1, self._total - step)
            self._shared.propose(self._total + max(2, math.ceil(2 / pace)), self._signal)
        if self._shared.found is None:
            return False
        step, self._signal = self._shared.found
        return self._total >= step

    # Saving.

    def save(self):
        """Writes a checkpoint of the training as it stands; returns its path."""
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()
        arrays, callbacks = arrays_of(self.model, self._total), {}
        for name, callback in self._others().items():
            state = callback.checkpoint_state()
            parts = {k: v for k, v in state.items() if isinstance(v, np.ndarray)}
            arrays.update({f"callbacks/{name}/{k}": v for k, v in parts.items()})
            callbacks[name] = {k: v for k, v in state.items() if k not in parts}
        now = time.monotonic()
        self.seconds += now - self._since
        self._since = now
        state = {
            "epoch": self._epoch,
            "step": self._step,
            "total": self._total,
            "epochs": self.params.get("epochs"),
            "steps": self.params.get("steps"),
            "origin": self._origin,
            "seconds": self.seconds,
            "model": type(self.model).__name__,
            "versions": {"keras_center_ssl": __version__, "keras": keras.__version__},
            "callbacks": callbacks,
        }
        try:
            path = self.checkpoints.write(self._total, arrays, state)
        except OSError as error:
            raise TrainingStopped(
                f"The checkpoint of {self._place()} could not be written to "
                f"{str(self.checkpoints.folder)!r}: {error.strerror or error}. {self.last()}"
            ) from error
        self._saved, self._last_place = time.monotonic(), self._place()
        return path

    def last(self):
        """A sentence on the newest checkpoint."""
        if self._last_place is None:
            return "There is no checkpoint yet."
        return f"The last checkpoint is of {self._last_place}."

    def _due(self, before):
        # Not `total % every`: with `steps_per_execution` several steps have passed.
        if self.every and before // self.every < self._total // self.every:
            return True
        return bool(self.minutes) and time.monotonic() - self._saved > 60 * self.minutes

    def _place(self):
        if not self._step:
            return f"the end of epoch {self._epoch}"
        steps = self.params.get("steps")
        return f"epoch {self._epoch + 1}, step {self._step}" + (f" of {steps}" if steps else "")

    def _raise_stopped(self):
        number, self._signal = self._signal, None
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        raise TrainingStopped(f"Stopped by {name}. {self.last()}", number)

    def _others(self):
        """The callbacks of this fit that have a state, by name."""
        found = {}
        for callback in self.fit.callbacks if self.fit else ():
            if hasattr(callback, "checkpoint_state"):
                name = type(callback).__name__
                found[f"{name}_{len(found)}" if name in found else name] = callback
        return found

    # Resuming.

    def _resume(self, path, arrays, state):
        check_same_model(self.model, arrays, path, state["model"])
        self._check_same_data(path, state)
        self._epoch, self._step, self._total = state["epoch"], state["step"], state["total"]
        self._origin, self.seconds = state["origin"], state["seconds"]
        self.resumed = self._last_place = self._place()
        if self.fit:
            self.fit.begin_at(self._epoch, self._step, self._origin)
        else:
            begin_fit_at(self.model, self._epoch)
        self._restored = arrays, state
        self._restore(arrays, state)

    def _restore(self, arrays, state):
        assign(self.model, arrays)
        clock, more = getattr(self.model, "clock", None), self.params["epochs"] - state["epochs"]
        if clock is not None and more and state["steps"]:
            clock.total_steps.assign(clock.total_steps + float(more * state["steps"]))
        for name, callback in self._others().items():
            if name in state["callbacks"]:
                prefix = f"callbacks/{name}/"
                parts = {k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)}
                callback.restore_state({**state["callbacks"][name], **parts})

    def _check_same_data(self, path, state):
        steps = self.params.get("steps")
        if state["step"] and not (self.fit and self.fit.can_begin_within_epoch):
            raise InputError(
                f"The checkpoint {str(path)!r} is of the middle of an epoch, and this data cannot "
                "begin there: its length, or its place, is unknown. Pass fit the dataset of "
                "kcs.data.multi_view itself, or name it with Checkpoint(data=...)."
            )
        if steps and state["steps"] and steps != state["steps"]:
            raise InputError(
                f"The checkpoint {str(path)!r} is of a training with {state['steps']} steps an "
                f"epoch, and this data has {steps}: other images or another batch size. {MADE_WITH}"
            )
