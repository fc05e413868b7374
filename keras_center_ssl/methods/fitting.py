"""What `SSLModel.fit` does around Keras' loop, ahead of all other callbacks."""

import inspect

import keras

from keras_center_ssl.engine.keras_internals import begin_fit_at


def arguments(*args, **kwargs):
    """The arguments of a call of `keras.Model.fit` that were given, by name; without the model."""
    given = dict(inspect.signature(keras.Model.fit).bind(*args, **kwargs).arguments)
    del given["self"]
    if not isinstance(given["x"], (tuple, list)):
        # A dataset brings its own order; Keras warns where `shuffle` is left at its default.
        given.setdefault("shuffle", hasattr(given["x"], "shape"))
    return given


def callbacks(model, given):
    """The callbacks of a fit with these arguments: ours, those that were given, in their order."""
    wanted = given.get("callbacks") or []
    if isinstance(wanted, keras.callbacks.CallbackList):
        # Keras makes a list anew, which tells each callback the model and what is planned.
        wanted = wanted.callbacks
    wanted = [FitCallback(model, given.get("initial_epoch", 0)), *keras.tree.flatten(wanted)]
    return ResumableFit(wanted, model, given) if ResumableFit.wanted(given["x"], wanted) else wanted


class FitCallback(keras.callbacks.Callback):
    """Tells the model's clock what is planned, and adds the ranks to every epoch's logs."""

    def __init__(self, model, initial_epoch=0):
        super().__init__()
        # Keras sets `model` to the one that is fitted: the same, unless a wrapper calls `fit`.
        self._ssl_model = model
        self._initial_epoch = initial_epoch

    def on_train_begin(self, logs=None):
        epochs, steps = self.params.get("epochs"), self.params.get("steps")
        if epochs and steps:
            self._ssl_model.clock.plan(epochs - self._initial_epoch, steps)

    def on_epoch_end(self, epoch, logs=None):
        for branch, tracker in self._ssl_model.trackers.items():
            logs.update(self._ssl_model.figures.training.names(branch, tracker.ranks()))


class ResumableFit(keras.callbacks.CallbackList):
    """The callbacks of a `fit` that can begin in the middle of an epoch.

    Keras' loop counts the batches of every epoch from 0, and goes through a whole pass. Here the
    callbacks of an epoch that is continued get its true batch numbers, and the loop ends with it.

    Args:
        callbacks: Those with `resumes_fit` get this object as `fit`, and come last.
        model: The `SSLModel`.
        given: dict of the arguments of `keras.Model.fit` that were given.
    """

    def __init__(self, callbacks, model, given):
        data = _data(given["x"], callbacks)
        self.position = getattr(data, "position", None)
        length = int(data.cardinality())
        self._length = length if length > 0 else None
        self.steps = given.get("steps_per_epoch") or self._length
        self._done = 0
        self._ends_early = False
        # A look at the data moves the position, and so do earlier trainings.
        self.origin = self.position and [self.position.epoch, self.position.step]
        callbacks = sorted(callbacks, key=_resumes)
        for callback in callbacks:
            if _resumes(callback):
                callback.fit = self
        verbose = given.get("verbose", "auto")
        super().__init__(
            callbacks,
            add_history=True,
            add_progbar=verbose != 0,
            verbose=verbose,
            epochs=given.get("epochs", 1),
            steps=self.steps,
            model=model,
        )

    @classmethod
    def wanted(cls, x, callbacks):
        """Whether there is a callback that resumes, and data with a length."""
        return any(map(_resumes, callbacks)) and hasattr(_data(x, callbacks), "cardinality")

    @property
    def can_begin_within_epoch(self):
        """Whether an epoch is a pass over data whose place can be set, in whole executions."""
        passes = self._length is not None and self.steps == self._length
        executions = passes and self.steps % self.model.steps_per_execution == 0
        return self.position is not None and executions

    def begin_at(self, epoch, step, origin):
        """Makes this fit begin with batch `step` of epoch `epoch`, both counted from 0.

        Args:
            epoch, step: Where it goes on.
            origin: `origin` of the fit that began the training.
        """
        begin_fit_at(self.model, epoch)
        self._done = step
        if self.position is not None:
            self.origin = origin
            self._set_position(epoch, step)

    def _set_position(self, epoch, step=0):
        """Puts the data where this fit's batch `step` of `epoch` is."""
        epoch, step = self.origin[0] + epoch, self.origin[1] + step
        if self._length is not None:
            epoch, step = epoch + step // self._length, step % self._length
        self.position.set(epoch, step)

    def on_train_batch_begin(self, batch, logs=None):
        super().on_train_batch_begin(self._done + batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(self._done + batch, logs)
        if self._done and self._done + batch + 1 >= self.steps and not self.model.stop_training:
            self.model.stop_training = self._ends_early = True

    def on_epoch_end(self, epoch, logs=None):
        if self._ends_early:
            self.model.stop_training = self._ends_early = False
            # The next epoch is a pass of its own; this one's went on into it.
            self._set_position(epoch + 1)
        self._done = 0
        super().on_epoch_end(epoch, logs)


def _data(x, callbacks):
    """The dataset that a callback names, or else what `fit` was given."""
    named = (getattr(callback, "data", None) for callback in callbacks if _resumes(callback))
    return next((data for data in named if data is not None), x)


def _resumes(callback):
    return getattr(callback, "resumes_fit", False)
