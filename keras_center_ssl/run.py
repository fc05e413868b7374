"""A run folder: what `center-ssl train` writes, and what the other commands read.

recipe.yaml     as resolved        history.csv     tensorboard/     checkpoints/model.keras
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
import time

import keras
import numpy as np

from keras_center_ssl import data, diagnosis, evaluation, plots
from keras_center_ssl._version import __version__
from keras_center_ssl.callbacks import CollapseMonitor
from keras_center_ssl.encoders import plain
from keras_center_ssl.errors import InputError
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
def train(recipe, out, callbacks=()):
    """Trains what a recipe describes and writes a run folder.

    Args:
        recipe: A `Recipe`.
        out: The folder to make; it must not exist, or be empty.
        callbacks: Further Keras callbacks, for progress.

    Returns:
        The `Run`. A training that fails in its first epoch leaves no folder behind.

    Raises:
        InputError: For an occupied folder, and whatever is wrong with the data.
    """
    out = free_folder(out)
    keras.config.set_dtype_policy(recipe.precision)
    source = recipe.data.open("train")
    shape = source.image_shape
    dataset = recipe.build_dataset(source, shape)
    model = recipe.build_model(shape)
    steps = int(dataset.cardinality())
    model.compile(recipe.build_optimizer(steps))
    monitor = CollapseMonitor(every=max(10, steps // 5))
    existed = out.exists()
    (out / "checkpoints").mkdir(parents=True)
    try:
        (out / "recipe.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
        began = time.monotonic()
        model.fit(
            dataset,
            epochs=recipe.epochs,
            verbose=0,
            callbacks=[
                *callbacks,
                monitor,
                keras.callbacks.TerminateOnNaN(),
                keras.callbacks.CSVLogger(out / "history.csv"),
                keras.callbacks.TensorBoard(out / "tensorboard", write_graph=False),
                keras.callbacks.ModelCheckpoint(out / "checkpoints" / "model.keras", verbose=0),
            ],
        )
        seconds = time.monotonic() - began
    except BaseException:
        # Nothing half-written: without a first checkpoint the folder is of no use to anyone.
        if not (out / "checkpoints" / "model.keras").is_file():
            shutil.rmtree(out)
            if existed:
                out.mkdir()
        raise
    model.save(out / "checkpoints" / "model.keras")
    plain(model.encoder).save(out / "encoder.keras")
    training = {
        "seconds": round(seconds, 1),
        "images_per_second": round(recipe.epochs * steps * recipe.batch_size / seconds, 1),
        "steps": recipe.epochs * steps,
        "skipped_files": len(dataset.skipped),
        "collapse_seen": monitor.finding and dataclasses.asdict(monitor.finding),
    }
    _write_json(out / "metrics.json", {"training": training})
    if dataset.skipped:
        with open(out / "skipped_files.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("file", "reason"), *sorted(dataset.skipped.items())])
    run = Run(out)
    (out / "plots").mkdir()
    plots.training_curves(run.history, out / "plots" / "training.png")
    write_report(run)
    return run


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
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
