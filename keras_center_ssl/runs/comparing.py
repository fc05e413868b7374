"""Several runs side by side: what they were, what they reached, where their recipes differ."""

import pathlib

from keras_center_ssl.errors import InputError
from keras_center_ssl.runs.folder import Run

# Of the collapse report of each kind of embeddings, the figures that stand in the table.
FIGURES = ("center_norm", "between_variance", "effective_rank")
# Keys of a recipe that differ without meaning anything.
_SAID_ELSEWHERE = ("name", "description")


def compare(folders) -> dict:
    """What is known of runs, finished or not, as JSON can hold it.

    Args:
        folders: Two or more run folders.

    Returns:
        `runs`: name -> a dict of `folder`, `method`, `encoder`, `dataset`, `epochs` (that there is
        history of), `seconds`, `images_per_second`, `knn_accuracy` (of the trained encoder, the
        untrained one and raw pixels), `collapse` (embeddings -> verdict and figures) and
        `history`; what a run does not have yet is None or empty. `differences`: key of the recipe
        -> name of the run -> value, where they differ.

    Raises:
        InputError: For less than two folders, one that is named twice, and what is no run.
    """
    folders = [pathlib.Path(folder) for folder in folders]
    if len({folder.resolve() for folder in folders}) < max(2, len(folders)):
        raise InputError(
            f"A comparison takes two or more runs; received {', '.join(map(str, folders))}. Give "
            "each run once: center-ssl compare runs/one runs/other"
        )
    names = _names(folders)
    runs = {name: Run(folder) for name, folder in zip(names, folders, strict=True)}
    return {
        "runs": {name: _described(run) for name, run in runs.items()},
        "differences": _differences({name: run.recipe.to_dict() for name, run in runs.items()}),
    }


def _names(folders):
    """The folders' own names, or their paths where two have the same."""
    names = [folder.resolve().name for folder in folders]
    return names if len(set(names)) == len(names) else [str(folder) for folder in folders]


def _described(run):
    metrics, recipe = run.metrics, run.recipe
    history = run.history if (run.folder / "history.csv").is_file() else {}
    training = metrics.get("training", {})
    collapse = {
        name: {"verdict": report["verdict"], **{key: report["figures"][key] for key in FIGURES}}
        for name, report in metrics.get("collapse", {}).items()
    }
    return {
        "folder": str(run.folder),
        "method": recipe.method.name,
        "encoder": recipe.encoder.name,
        "dataset": recipe.data.source,
        "epochs": max(map(len, history.values()), default=0),
        "seconds": training.get("seconds"),
        "images_per_second": training.get("images_per_second"),
        "knn_accuracy": metrics.get("knn_accuracy", {}),
        "collapse": collapse,
        "history": history,
    }


def _differences(recipes):
    flattened = {name: dict(flat(recipe)) for name, recipe in recipes.items()}
    keys = dict.fromkeys(key for values in flattened.values() for key in values)
    found = {}
    for key in keys:
        values = {name: values.get(key) for name, values in flattened.items()}
        if key not in _SAID_ELSEWHERE and len(set(map(repr, values.values()))) > 1:
            found[key] = values
    return found


def flat(content, prefix=""):
    """Pairs of nested dicts, with keys as `"method.temperature"`."""
    for key, value in content.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
