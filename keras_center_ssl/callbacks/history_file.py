"""The logs of every epoch as a CSV file that a resumed training continues."""

import pathlib

import keras

from keras_center_ssl.files import write_csv


class HistoryFile(keras.callbacks.Callback):
    """Writes the logs of all epochs to a CSV file, anew at every epoch's end.

    Unlike `keras.callbacks.CSVLogger` it takes its rows from the checkpoint when a training is
    resumed: no epoch is listed twice, none is missing. Values that an epoch does not have are
    `NA`; columns are those of the first epoch.

    Args:
        path: The file.
    """

    def __init__(self, path):
        super().__init__()
        self.path = pathlib.Path(path)
        self._rows = []

    def on_train_begin(self, logs=None):
        self._rows = []

    def on_epoch_end(self, epoch, logs=None):
        self._rows.append({"epoch": epoch, **{k: float(v) for k, v in sorted(logs.items())}})
        self._write()

    def checkpoint_state(self):
        return {"rows": self._rows}

    def restore_state(self, state):
        self._rows = list(state["rows"])
        if self._rows:
            self._write()
        else:
            self.path.unlink(missing_ok=True)

    def _write(self):
        titles = list(self._rows[0])
        write_csv(self.path, titles, [[row.get(t, "NA") for t in titles] for row in self._rows])
