"""A run folder: what `center-ssl train` writes, and what the other commands read.

recipe.yaml     as resolved        history.csv     tensorboard/     checkpoints/model.keras
checkpoints/step-*.safetensors, while it is trained: what `--resume` goes on from
encoder.keras   metrics.json       plots/*.png     report.html
skipped_files.csv, where images could not be read
"""

import contextlib
import csv
import dataclasses
import json
import os
import pathlib
import shutil
import tempfile

import keras
import numpy as np

from keras_center_ssl import data, diagnosis, evaluation, plots, strategies
from keras_center_ssl._version import __version__
from keras_center_ssl.callbacks import Checkpoint, CollapseMonitor, StopOnDivergence
from keras_center_ssl.callbacks.checkpointing import stop_on_signals
from keras_center_ssl.callbacks.history_file import HistoryFile
from keras_center_ssl.checkpoints import CheckpointFolder, atomic_file, is_disk_full
from keras_center_ssl.encoders import plain
from keras_center_ssl.errors import InputError, TrainingStopped
from keras_center_ssl.recipe import load_recipe
from keras_center_ssl.report import write_report


class Run:
    """A finished run, read from its folder.

    Args:
        folder: What `train` wrote.

    Raises:
        InputError: If the folder is missing or holds no run.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        if not self.folder.is_dir():
            raise InputError(f"There is no run folder {str(folder)!r}. center-ssl train makes one.")
        if not (self.folder / "recipe.yaml").is_file():
            raise InputError(
                f"{str(folder)!r} is not a run folder: it has no recipe.yaml. center-ssl train "
                "RECIPE.yaml --out FOLDER makes one."
            )
        self.recipe = load_recipe(self.folder / "recipe.yaml")

    @property
    def checkpoint(self):
        return self.folder / "checkpoints" / "model.keras"

    @property
    def history(self):
        """Dict of name to list of floats, one value an epoch."""
        with open(self.folder / "history.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        # Keras' logger writes "NA" for what an epoch did not have.
        names = [name for name in (rows[0] if rows else {}) if rows[-1][name] != "NA"]
        return {name: [float(row[name]) for row in rows] for name in names}

    @property
    def metrics(self):
        """What the last evaluation found, or an empty dict."""
        file = self.folder / "metrics.json"
        return json.loads(file.read_text()) if file.is_file() else {}

    def load_model(self):
        """The trained method, teacher, optimizer and centre state included."""
        return load_model(self.checkpoint)


def load_model(path):
    """`keras.saving.load_model` that says in one sentence why a file cannot be read."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {str(path)!r}; expected a model saved as .keras.")
    try:
        return keras.saving.load_model(path)
    except Exception as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else "no reason"
        raise InputError(
            f"{str(path)!r} cannot be read as a Keras model ({type(error).__name__}: {reason}). "
            "The file is damaged, or was saved by another version. Train again, or copy the file "
            "anew."
        ) from error


@data.input_errors()
def train(recipe, out, callbacks=(), resume=False, checkpoint_every=None, say=None, strategy=None):
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
        say: Called with a sentence on how the run begins, and on SIGTERM or Ctrl-C.
        strategy: What `strategies.open_strategy` gave. Of several workers only the chief writes
            into `out`; to resume, the others need to read it.

    Returns:
        The `Run`; `None` on workers other than the chief. A training that fails before its first
        checkpoint leaves no folder behind.

    Raises:
        InputError: For an occupied folder, another recipe than the run's to resume, and whatever
            is wrong with the data.
        TrainingStopped: After SIGTERM or Ctrl-C, or where the disk is full. The folder can be
            resumed, if the message names a checkpoint.
        DivergenceError: Where loss or weights are not finite.
    """
    say = say or (lambda text: None)
    out = pathlib.Path(out)
    if strategy is not None:
        strategies.check_batch_size(recipe.batch_size, strategy)
        if not strategies.is_chief(strategy):
            return _train_beside(recipe, out, callbacks, resume, checkpoint_every, strategy)
    return _train(recipe, out, callbacks, resume, checkpoint_every, say, strategy)


def _train_beside(recipe, out, callbacks, resume, checkpoint_every, strategy):
    """`train` for a worker that is not the chief: does the same, and keeps nothing of it."""
    with tempfile.TemporaryDirectory() as folder:
        beside = pathlib.Path(folder) / "run"
        if resume and out.is_dir():
            # Where the chief goes on from. It changes nothing there before all have begun.
            shutil.copytree(out, beside)
        _train(recipe, beside, callbacks, resume, checkpoint_every, lambda text: None, strategy)


def _train(recipe, out, callbacks, resume, checkpoint_every, say, strategy):
    """`train`, on one of the workers or alone."""
    resuming = resume and _check_resumable(out, recipe, say)
    if resuming and is_finished(out):
        return Run(out)
    if not resuming:
        free_folder(out)
    checkpoint = Checkpoint(out / "checkpoints", every=checkpoint_every, say=say)
    if strategy is not None:
        newest = [path.name for path in checkpoint.checkpoints.files()[:1]]
        strategies.check_agreement(strategy, newest, f"the newest checkpoint in {str(out)!r}")
    keras.config.set_dtype_policy(recipe.precision)
    source = recipe.data.open("train")
    shape = source.image_shape
    dataset = recipe.build_dataset(source, shape)
    steps = int(dataset.cardinality())
    with contextlib.nullcontext() if strategy is None else strategy.scope():
        model = recipe.build_model(shape)
        model.compile(recipe.build_optimizer(steps))
    monitor = CollapseMonitor(every=max(10, steps // 5))
    existed = out.exists()
    try:
        (out / "checkpoints").mkdir(parents=True, exist_ok=True)
        with atomic_file(out / "recipe.yaml") as file:
            file.write(recipe.to_yaml().encode())
        with stop_on_signals(checkpoint, say):
            model.fit(
                dataset,
                epochs=recipe.epochs,
                verbose=0,
                callbacks=[
                    *callbacks,
                    StopOnDivergence(),
                    monitor,
                    _SameImages(dataset.source),
                    HistoryFile(out / "history.csv"),
                    keras.callbacks.TensorBoard(out / "tensorboard", write_graph=False),
                    _SaveModel(out / "checkpoints" / "model.keras"),
                    checkpoint,
                ],
            )
        run = _finish(out, recipe, model, dataset, monitor, checkpoint.seconds, steps)
    except BaseException as error:
        # Nothing half-written: without a first checkpoint the folder is of no use to anyone.
        if not checkpoint.checkpoints.files() and not is_finished(out):
            shutil.rmtree(out, ignore_errors=True)
            if existed:
                out.mkdir(exist_ok=True)
        if is_disk_full(error) and not isinstance(error, TrainingStopped):
            raise TrainingStopped(
                f"There is no room left to write the run {str(out)!r}. {checkpoint.last()}"
            ) from error
        if strategies.lost_worker(strategy, error):
            raise TrainingStopped(
                "Another worker is gone: it failed, was killed, or cannot be reached any more; its "
                f"own output may say why. {checkpoint.last()}"
            ) from error
        raise
    checkpoint.checkpoints.clear()
    return run


def _finish(out, recipe, model, dataset, monitor, seconds, steps):
    """Writes what a run folder holds once the training is done."""
    _save(model, out / "checkpoints" / "model.keras")
    _save(plain(model.encoder), out / "encoder.keras")
    if dataset.skipped:
        with open(out / "skipped_files.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("file", "reason"), *sorted(dataset.skipped.items())])
    run = Run(out)
    (out / "plots").mkdir(exist_ok=True)
    plots.training_curves(run.history, out / "plots" / "training.png")
    training = {
        "seconds": round(seconds, 1),
        "images_per_second": round(recipe.epochs * steps * recipe.batch_size / seconds, 1),
        "steps": recipe.epochs * steps,
        "skipped_files": len(dataset.skipped),
        "collapse_seen": monitor.finding and dataclasses.asdict(monitor.finding),
    }
    _write_json(out / "metrics.json", {"training": training})
    write_report(run)
    return run


def is_finished(folder):
    """Whether a run folder's training is complete."""
    folder = pathlib.Path(folder)
    files = all((folder / name).is_file() for name in ("metrics.json", "report.html"))
    return files and resumes_from(folder) is None


def resumes_from(folder):
    """Path of the newest checkpoint that an unfinished run goes on from, or `None`."""
    return next(iter(CheckpointFolder(pathlib.Path(folder) / "checkpoints").files()), None)


# All that an unfinished run may hold before its first checkpoint.
_BEGUN = {"checkpoints", "recipe.yaml", "history.csv", "tensorboard"}


def _check_resumable(out, recipe, say):
    """Whether there is a run in `out` to go on with. An unfit folder is an error."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        say(f"There is no run in {out} yet: a new one begins.")
        return False
    if not is_finished(out) and resumes_from(out) is None:
        names = {path.name for path in out.iterdir()} if out.is_dir() else set()
        if "checkpoints" not in names or names - _BEGUN:
            # Somebody else's.
            free_folder(out)
        say(f"The run in {out} was interrupted before its first checkpoint: it starts over.")
        shutil.rmtree(out)
        return False
    differing = _differences(recipe.to_dict(), Run(out).recipe.to_dict())
    if differing:
        keys = "; ".join(f"{k} ({new!r}, was {old!r})" for k, (new, old) in differing.items())
        longer = (
            " The schedules of learning rate and momentum span all epochs, so a run of another "
            "length is another run."
        )
        raise InputError(
            f"The run in {str(out)!r} was begun with another recipe: {keys}."
            f"{longer if 'epochs' in differing else ''} Go on with the run's own recipe "
            f"(center-ssl train {out / 'recipe.yaml'} --out {out} --resume), or give another "
            "--out for a new run."
        )
    if is_finished(out):
        say(f"The run in {out} is finished: nothing to resume. Next: center-ssl evaluate {out}")
    return True


def _differences(new, old, prefix=""):
    """Keys whose values differ in nested dicts, as `{"a.b": (new, old)}`; but no descriptions."""
    found = {}
    for key in [*new, *(key for key in old if key not in new)]:
        if prefix + key == "description":
            continue
        pair = new.get(key), old.get(key)
        if all(isinstance(value, dict) for value in pair):
            found.update(_differences(*pair, f"{prefix}{key}."))
        elif pair[0] != pair[1]:
            found[prefix + key] = pair
    return found


class _SameImages(keras.callbacks.Callback):
    """Refuses to go on with images other than those the run began with."""

    def __init__(self, source):
        super().__init__()
        self._source = source

    def checkpoint_state(self):
        return {"fingerprint": self._source.fingerprint}

    def restore_state(self, state):
        if state["fingerprint"] != self._source.fingerprint:
            raise InputError(
                f"The images of {self._source.name!r} have changed since the run began (their "
                f"fingerprint is {self._source.fingerprint}, it was {state['fingerprint']}): it "
                "cannot go on as if nothing had happened. Bring the old images back, or train anew "
                "with another --out."
            )


class _SaveModel(keras.callbacks.Callback):
    """Saves the model at every epoch's end, so that a run can be looked at before it is done."""

    def __init__(self, path):
        super().__init__()
        self._path = path

    def on_epoch_end(self, epoch, logs=None):
        _save(self.model, self._path)


def _save(model, path):
    """Saves a model so that a reader never sees half of it."""
    temporary = path.with_name(f"unfinished.{path.name}")
    try:
        model.save(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@data.input_errors()
def evaluate(run, progress=None):
    """k-NN accuracy and a collapse report of a run, on held-out images.

    The trained encoder is compared with the same encoder before training and with raw pixels
    (where the images take no more than a GiB). There are no accuracies without labels, nor where
    the source has no test images: collapse is then diagnosed on the images of the training.
    Collapse is diagnosed on two views of each test image, for the embeddings the loss works on
    and for the encoder's features. Writes `metrics.json`, plots and `report.html` into the run.

    Args:
        run: A `Run`.
        progress: Called with a sentence before each part.

    Returns:
        The metrics, a dict.
    """
    say = progress or (lambda text: None)
    recipe = run.recipe
    model = run.load_model()
    train_set, test_set = (_in_memory(recipe.data.open(split)) for split in ("train", "test"))
    held_out = train_set.name != test_set.name
    shape = train_set.image_shape
    metrics = {
        "name": recipe.name,
        "method": type(model).__name__,
        "encoder": recipe.encoder.name,
        "dataset": recipe.data.source,
        "data_fingerprint": train_set.fingerprint,
        "held_out": held_out,
        "samples": {"train": train_set.count, "test": test_set.count},
        "seed": recipe.seed,
        "training": run.metrics.get("training", {}),
        "versions": {"keras_center_ssl": __version__, "keras": keras.__version__},
    }
    if held_out and train_set.has_labels and test_set.has_labels:
        say("Features of the trained encoder")
        candidates = {"trained": lambda x: evaluation.embed(model, x)}
        untrained = recipe.build_model(shape)
        candidates["untrained"] = lambda x: evaluation.embed(untrained, x)
        if all(isinstance(part, data.ArraySource) for part in (train_set, test_set)):
            candidates["raw_pixels"] = lambda x: _flat(x)
        metrics["knn_accuracy"] = {}
        for name, embed in candidates.items():
            say(f"k-NN accuracy: {name.replace('_', ' ')}")
            # Features before labels: which files cannot be read is known after a pass.
            sets = [(embed(_images(part)), part.labels) for part in (train_set, test_set)]
            metrics["knn_accuracy"][name] = evaluation.knn_accuracy(*sets[0], *sets[1])
    say(f"Collapse report on {'held-out' if held_out else 'training'} images")
    embeddings = view_embeddings(model, recipe, test_set)
    metrics["collapse"] = {
        name: diagnosis.diagnose(*pair, name=name).to_dict() for name, pair in embeddings.items()
    }
    _write_json(run.folder / "metrics.json", metrics)
    (run.folder / "plots").mkdir(exist_ok=True)
    labels = None if test_set.labels is None else test_set.labels[: len(embeddings["features"][0])]
    plots.embedding_pictures(
        {name: pair[0] for name, pair in embeddings.items()}, run.folder / "plots", labels=labels
    )
    write_report(run)
    return metrics


def view_embeddings(model, recipe, images):
    """Embeddings of two views of each image: where the loss works, and the encoder's features.

    Returns:
        `{"projection": (z1, z2), "features": (f1, f2)}`, arrays `(N, D)`; the first name is the
        method's first tracked branch.
    """
    count = images.count
    dataset = data.multi_view(
        images,
        views=recipe.build_views(images.image_shape),
        batch_size=min(recipe.batch_size, count),
        seed=recipe.seed,
        shuffle=False,
        # A last batch of one is no batch to a method.
        drop_remainder=count % recipe.batch_size == 1,
    )
    branch = next(iter(model.trackers))
    parts = {branch: ([], []), "features": ([], [])}
    for (views,) in dataset:
        pairs = {
            branch: model.branches(views, training=False)[1][branch],
            "features": [model(view, training=False) for view in views[:2]],
        }
        for name, pair in pairs.items():
            for part, embedding in zip(parts[name], pair, strict=True):
                part.append(keras.ops.convert_to_numpy(embedding))
    return {name: tuple(np.concatenate(p) for p in pair) for name, pair in parts.items()}


def free_folder(folder):
    """`folder` as a path that does not exist or is an empty folder."""
    folder = pathlib.Path(folder)
    if resumes_from(folder):
        raise InputError(
            f"The output folder {str(folder)!r} holds an unfinished run. Go on with it with "
            "--resume, or give another folder with --out; nothing was overwritten."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            f"The output folder {str(folder)!r} exists and is not empty. Give another with --out, "
            "or remove it first; nothing was overwritten."
        )
    return folder


def _in_memory(source):
    """The images in memory where they take no more than a GiB, else the source as it is."""
    small = source.nbytes is not None and source.nbytes <= 2**30
    return data.load(source) if small else source


def _images(source):
    """What `evaluation.embed` takes."""
    return source.images if isinstance(source, data.ArraySource) else data.batches(source, 256)


def _flat(images):
    scale = 255.0 if images.dtype == np.uint8 else 1.0
    return images.reshape(len(images), -1).astype("float32") / np.float32(scale)


def _write_json(path, content):
    """Writes JSON so that a reader never sees half of it."""
    with atomic_file(path) as file:
        file.write(json.dumps(content, indent=2).encode())
