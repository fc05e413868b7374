"""The part of `fit`'s log that is computed once an epoch, on the host."""

import keras


class EpochFigures(keras.callbacks.Callback):
    """Adds every tracked branch's ranks to an epoch's logs, ahead of all other callbacks."""

    def __init__(self, model):
        super().__init__()
        self._ssl_model = model

    def on_epoch_end(self, epoch, logs=None):
        for branch, tracker in self._ssl_model.trackers.items():
            logs.update(self._ssl_model.branch_names(branch, tracker.ranks()))
