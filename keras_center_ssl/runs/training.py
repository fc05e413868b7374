"""From a recipe to a run folder, resumable at any step."""

import contextlib
import dataclasses
import pathlib
import shutil
import tempfile

import keras

from keras_center_ssl import data
from keras_center_ssl.callbacks import Checkpoint, CollapseMonitor, StopOnDivergence
from keras_center_ssl.callbacks.history_file import HistoryFile
from keras_center_ssl.callbacks.signals import stop_on_signals
from keras_center_ssl.engine import strategies, workers
from keras_center_ssl.errors import TrainingStopped, needs
from keras_center_ssl.files import (
    is_disk_full,
    remove_unfinished,
    write_json,
    write_text,
)
from keras_center_ssl.locks import LOCK
from keras_center_ssl.reports import plots
from keras_center_ssl.reports.page import write_report
from keras_center_ssl.runs.folder import (
    Run,
    free_folder,
    is_finished,
    remove_run,
    run_lock,
    save_model,
)
from keras_center_ssl.runs.precision import resolved
from keras_center_ssl.runs.resuming import SameImages, check_resumable
from keras_center_ssl.runs.skipped import note_skipped


@data.input_errors()
def train(
    recipe,
    out,
    callbacks=(),
    resume=False,
    checkpoint_every=None,
    say=None,
    strategy=None,
    recipe_text=None,
):
    """Trains what a recipe describes and writes a run folder.

    While it trains, `checkpoints/` holds `model.keras`, the model at the last epoch's end, and the
    two newest checkpoints of `callbacks.Checkpoint`; those are deleted when the run is complete.

    Args:
        recipe: A `Recipe`.
        out: The folder to make; it must not exist, or be empty.
        callbacks: Further Keras callbacks, for progress.
        resume: Whether to go on with an unfinished run in `out`, exactly as if it had not been
            interrupted. Where there is none, one begins; a complete one is returned as it is.
        checkpoint_every: Steps between checkpoints; `None`: every 10 minutes. There is one at
            every epoch's end, too.
        say: Called with a sentence on how the run begins, on files that were skipped, and on
            SIGTERM or Ctrl-C.
        strategy: What `strategies.open_strategy` gave. Of several workers only the chief writes
            into `out`; to resume, the others need to read it.
        recipe_text: The recipe's YAML as `recipe.yaml` shall show it, with comments.

    Returns:
        The `Run`; `None` on workers other than the chief. A training that fails before its first
        checkpoint leaves no folder behind.

    Raises:
        InputError: For an occupied folder, one that another process writes to, another recipe than
            the run's to resume, and whatever is wrong with the data.
        TrainingStopped: After SIGTERM or Ctrl-C, where the disk is full, or where the folder is
            removed meanwhile. The folder can be resumed, if the message names a checkpoint.
        DivergenceError: Where loss or weights are not finite.
    """
    say = say or (lambda text: None)
    out = pathlib.Path(out)
    if strategy is not None:
        strategies.check_batch_size(recipe.batch_size, strategy)
        if not workers.is_chief(strategy):
            return _train_beside(recipe, out, callbacks, resume, checkpoint_every, strategy)
    text = recipe_text or recipe.to_yaml()
    return _train(recipe, out, callbacks, resume, checkpoint_every, say, strategy, text)


def _train_beside(recipe, out, callbacks, resume, checkpoint_every, strategy):
    """`train` for a worker that is not the chief: does the same, and keeps nothing of it."""
    with tempfile.TemporaryDirectory() as folder:
        beside = pathlib.Path(folder) / "run"
        if resume and out.is_dir():
            # Where the chief goes on from. It changes nothing there before all have begun.
            shutil.copytree(out, beside, ignore=shutil.ignore_patterns(LOCK))
        text = recipe.to_yaml()
        _train(recipe, beside, callbacks, resume, checkpoint_every, lambda _: None, strategy, text)


def _train(recipe, out, callbacks, resume, checkpoint_every, say, strategy, text):
    """`train`, on one of the workers or alone."""
    with run_lock(out) as lock:
        recipe = _in_its_precision(recipe, out, resume, say)
        text = text.replace("precision: auto", f"precision: {recipe.precision}")
        resuming = resume and check_resumable(out, recipe, say)
        if resuming and is_finished(out):
            return Run(out)
        if not resuming:
            free_folder(out)
        checkpoint = Checkpoint(out / "checkpoints", every=checkpoint_every, say=say)
        if strategy is not None:
            newest = [path.name for path in checkpoint.checkpoints.files()[:1]]
            workers.check_agreement(strategy, newest, f"the newest checkpoint in {str(out)!r}")
        try:
            run = _fit(recipe, out, [_StillOurs(lock), *callbacks], checkpoint, say, strategy, text)
        except BaseException as error:
            # Nothing half-written: without a first checkpoint the folder is of no use to anyone.
            if lock.still_held() and not checkpoint.checkpoints.files() and not is_finished(out):
                remove_run(out)
            stop = _as_stop(error, out, checkpoint, strategy)
            if stop is None:
                raise
            raise stop from error
        checkpoint.checkpoints.clear()
        return run


def _in_its_precision(recipe, out, resume, say):
    """`precision: auto` as this machine's, or as the run to resume has it."""
    if resume and recipe.precision == "auto" and (out / "recipe.yaml").is_file():
        return recipe.model_copy(update={"precision": Run(out).recipe.precision})
    return resolved(recipe, say)


def _fit(recipe, out, callbacks, checkpoint, say, strategy, text):
    """Trains into a folder that is ours alone."""
    with needs("A training by recipe", "tensorboard"):  # Keras would fail at its first epoch
        import tensorboard  # noqa: F401
    source = recipe.data.open("train")
    shape = source.image_shape
    dataset = recipe.build_dataset(source, shape)
    steps = int(dataset.cardinality())
    with contextlib.nullcontext() if strategy is None else strategy.scope():
        model = recipe.build_model(shape)
        recipe.compile(model, shape, steps)
    monitor = CollapseMonitor(every=max(10, steps // 5))
    (out / "checkpoints").mkdir(exist_ok=True)
    for folder in (out, out / "checkpoints"):
        remove_unfinished(folder)
    write_text(out / "recipe.yaml", text)
    with stop_on_signals(checkpoint, say):
        model.fit(
            dataset,
            epochs=recipe.epochs,
            verbose=0,
            callbacks=[
                *callbacks,
                StopOnDivergence(),
                monitor,
                SameImages(dataset.source),
                HistoryFile(out / "history.csv"),
                keras.callbacks.TensorBoard(out / "tensorboard", write_graph=False),
                _SaveModel(out / "checkpoints" / "model.keras"),
                checkpoint,
            ],
        )
    note_skipped(out, "train", dataset.skipped, say)
    return _finish(out, recipe, model, source, dataset, monitor, checkpoint.seconds, steps)


def _as_stop(error, out, checkpoint, strategy):
    """What ended a training, where it can go on or the reason needs words of ours; else `None`."""
    if isinstance(error, TrainingStopped):
        return None
    if is_disk_full(error):
        return TrainingStopped(
            f"There is no room left to write the run {str(out)!r}. {checkpoint.last()}"
        )
    if workers.lost_worker(strategy, error):
        return TrainingStopped(
            "Another worker is gone: it failed, was killed, or cannot be reached any more; its "
            f"own output may say why. {checkpoint.last()}"
        )
    return None


def _finish(out, recipe, model, source, dataset, monitor, seconds, steps):
    """Writes what a run folder holds once the training is done."""
    save_model(model, out / "checkpoints" / "model.keras")
    save_model(recipe.features.apply(model.encoder, source), out / "encoder.keras")
    run = Run(out)
    (out / "plots").mkdir(exist_ok=True)
    plots.training_curves(run.history, out / "plots" / "training.png")
    training = {
        "seconds": round(seconds, 1),
        "images_per_second": round(recipe.epochs * steps * recipe.batch_size / seconds, 1),
        "steps": recipe.epochs * steps,
        "precision": recipe.precision,
        "skipped_files": len(dataset.skipped),
        "collapse_seen": monitor.finding and dataclasses.asdict(monitor.finding),
    }
    write_json(out / "metrics.json", {"training": training})
    write_report(run)
    return run


class _StillOurs(keras.callbacks.Callback):
    """Ends a training whose folder somebody has removed, before it writes into another's."""

    def __init__(self, lock):
        super().__init__()
        self._lock = lock

    def on_train_batch_end(self, batch, logs=None):
        self._check()

    def on_epoch_end(self, epoch, logs=None):
        self._check()

    def _check(self):
        if not self._lock.still_held():
            raise TrainingStopped(
                f"The run folder {str(self._lock.path.parent)!r} was removed, or replaced by "
                "another, while the training ran: it ends here and writes nothing more."
            )


class _SaveModel(keras.callbacks.Callback):
    """Saves the model at every epoch's end, so that a run can be looked at before it is done."""

    def __init__(self, path):
        super().__init__()
        self._path = path

    def on_epoch_end(self, epoch, logs=None):
        save_model(self.model, self._path)
