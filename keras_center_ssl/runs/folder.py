"""A run folder: what `center-ssl train` writes, and what the other commands read.

recipe.yaml     as resolved        history.csv     tensorboard/     checkpoints/model.keras
checkpoints/step-*.safetensors, while it is trained: what `--resume` goes on from
encoder.keras   metrics.json       plots/*.png     report.html
skipped_files.csv, skipped_test_files.csv, where images could not be read
"""

import csv
import json
import pathlib
import shutil

from keras_center_ssl.callbacks.checkpoint_files import CheckpointFolder
from keras_center_ssl.errors import InputError
from keras_center_ssl.files import atomic_path, is_unfinished, remove_unfinished
from keras_center_ssl.keras_files import load_keras_file
from keras_center_ssl.locks import LOCK, locked
from keras_center_ssl.runs.recipe import load_recipe

# All that a training writes into its folder.
_WRITTEN = (
    "checkpoints",
    "encoder.keras",
    "history.csv",
    "metrics.json",
    "plots",
    "recipe.yaml",
    "report.html",
    "skipped_files.csv",
    "skipped_test_files.csv",
    "tensorboard",
)
# And what may be there before its first checkpoint.
_BEGUN = {"checkpoints", "history.csv", "recipe.yaml", "tensorboard"}


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
    def encoder(self):
        return self.folder / "encoder.keras"

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
        if not file.is_file():
            return {}
        try:
            metrics = json.loads(file.read_text("utf-8"))
        except ValueError as error:
            raise InputError(
                f"{str(file)!r} is no valid JSON ({error}). center-ssl evaluate writes it anew "
                "once it is removed."
            ) from None
        if not isinstance(metrics, dict):
            raise InputError(
                f"{str(file)!r} must hold an object; it holds a {type(metrics).__name__}. "
                "center-ssl evaluate writes it anew once it is removed."
            )
        return metrics

    def load_model(self):
        """The trained method, teacher, optimizer and centre state included."""
        return load_model(self.checkpoint)


def load_model(path):
    """The Keras model in a `.keras` file with its optimizer; see `load_keras_file`."""
    return load_keras_file(path, compile=True)


def is_finished(folder):
    """Whether a run folder's training is complete."""
    folder = pathlib.Path(folder)
    files = all((folder / name).is_file() for name in ("metrics.json", "report.html"))
    return files and resumes_from(folder) is None


def resumes_from(folder):
    """Path of the newest checkpoint that an unfinished run goes on from, or `None`."""
    return next(iter(CheckpointFolder(pathlib.Path(folder) / "checkpoints").files()), None)


def run_lock(folder):
    """Keeps other processes from writing into a run folder; see `locks.locked`."""
    check_is_folder(folder)
    return locked(pathlib.Path(folder) / LOCK, f"the run folder {str(folder)!r}")


def check_is_folder(folder):
    """Refuses a file where a run folder is wanted."""
    if pathlib.Path(folder).exists() and not pathlib.Path(folder).is_dir():
        raise InputError(
            f"A run is a folder; {str(folder)!r} is a file. Give another place with --out; nothing "
            "was overwritten."
        )


def content_names(folder):
    """Names of all that is in a folder, but for its lock; none where there is no folder."""
    folder = pathlib.Path(folder)
    return {path.name for path in folder.iterdir()} - {LOCK} if folder.is_dir() else set()


def free_folder(folder):
    """`folder` as a path that does not exist or is an empty folder."""
    folder = pathlib.Path(folder)
    check_is_folder(folder)
    if resumes_from(folder):
        raise InputError(
            f"The output folder {str(folder)!r} holds an unfinished run. Go on with it with "
            "--resume, or give another folder with --out; nothing was overwritten."
        )
    if content_names(folder):
        raise InputError(
            f"The output folder {str(folder)!r} exists and is not empty. Give another with --out, "
            "or remove it first; nothing was overwritten."
        )
    return folder


def is_barely_begun(folder):
    """Whether a folder holds a training that ended before its first checkpoint, and no more."""
    names = {name for name in content_names(folder) if not is_unfinished(name)}
    return "checkpoints" in names and names <= _BEGUN


def remove_run(folder):
    """Removes what a training has written into a folder that is locked, and nothing else."""
    for path in (pathlib.Path(folder) / name for name in _WRITTEN):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    remove_unfinished(folder)


def save_model(model, path):
    """Saves a model so that a reader never sees half of it."""
    with atomic_path(path) as temporary:
        model.save(temporary)
