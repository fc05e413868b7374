"""Training progress for a terminal, and for a log file."""

import time

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from keras_center_ssl import figures

FIGURES = ("loss", "center_norm", "between_variance", "effective_rank")


class TrainingProgress(keras.callbacks.Callback):
    """A progress bar over the steps of an epoch, and one line of figures for each epoch.

    Where the output is no terminal the bar is left out, and a line says every 20 seconds how far
    the epoch has come.

    Args:
        console: A `rich` console; standard output by default.
    """

    def __init__(self, console=None):
        super().__init__()
        self.console = console or Console()
        self._progress = None

    def on_train_begin(self, logs=None):
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[figures]}"),
                console=self.console,
                transient=True,
            )
            self._progress.start()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._began, self._said = epoch, time.monotonic(), time.monotonic()
        if self._progress:
            self._task = self._progress.add_task(
                self._name(), total=self.params.get("steps"), figures=""
            )

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        if self._progress:
            self._progress.update(self._task, completed=batch + 1, figures=_figures(logs))
        elif now - self._said > 20:
            self._said = now
            steps = self.params.get("steps") or "?"
            self.console.print(
                f"{self._name()}  step {batch + 1}/{steps}  {_figures(logs)}", highlight=False
            )

    def on_epoch_end(self, epoch, logs=None):
        if self._progress:
            self._progress.remove_task(self._task)
        seconds = time.monotonic() - self._began
        self.console.print(f"{self._name()}  {seconds:4.0f} s  {_figures(logs)}", highlight=False)

    def on_train_end(self, logs=None):
        self.close()

    def close(self):
        """Gives the terminal back; also needed where training was interrupted."""
        if self._progress:
            self._progress.stop()
            self._progress = None

    def _name(self):
        return f"epoch {self._epoch + 1}/{self.params.get('epochs', '?')}"


def _figures(logs):
    logs = logs or {}
    return "  ".join(f"{figures.label(k)} {figures.number(logs[k])}" for k in FIGURES if k in logs)
