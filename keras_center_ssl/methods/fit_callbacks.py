"""What `SSLModel.fit` does around Keras' loop, ahead of all other callbacks."""

import keras


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
            logs.update(self._ssl_model.branch_names(branch, tracker.ranks()))
