"""What `metrics.json` of a bundle holds: every figure of the card, as plain JSON.

schema_version, name, method, hyperparameters, encoder, parameters
input          name, shape (H, W, C), range, layout, dtype
feature_dim, whitening (of its last layer), formats (name -> file), opset
dataset, seed, data_fingerprint, license, description, metadata
evaluation     what was passed, such as knn_accuracy
collapse       verdict, reasons, figures, thresholds, warnings (a `CollapseReport`)
parity         per format, see `parity.compare` and `approximation.Comparison.compare`
projector      with `heads=True`, see `projector.write`
plots          title -> file
versions       of Python and of every package that took part
"""

import importlib.metadata
import math
import platform
from typing import Any

import numpy as np

from keras_center_ssl._version import __version__
from keras_center_ssl.diagnosis import diagnose
from keras_center_ssl.errors import InputError

SCHEMA_VERSION = 1

# Below this many images a rank or a centre says little (see `keras_center_ssl.diagnosis`).
_ENOUGH_TO_DIAGNOSE = 64

_PACKAGES = ("keras", "tensorflow", "numpy", "tf2onnx", "onnx", "onnxruntime")


def as_json(value) -> Any:
    """`value` as what JSON can hold: NumPy scalars and arrays converted, NaN and infinity `None`.

    Reports with a `to_dict` (`CollapseReport`) become dicts, anything unknown its `str`.
    """
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_json(item) for item in value]
    if isinstance(value, np.ndarray):
        return as_json(value.tolist())
    if isinstance(value, np.generic):
        return as_json(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)


def versions():
    """The versions of Python, of this library and of the packages an export passes through."""
    found = {"python": platform.python_version(), "keras_center_ssl": __version__}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue  # tensorflow-cpu and the like carry another distribution name
    return found


def hyperparameters(model):
    """The settings of a method, without its networks: what `get_config` holds in plain values."""
    try:
        config = model.get_config()
    except NotImplementedError:
        return {}
    return {
        key: as_json(value)
        for key, value in config.items()
        if key not in ("name", "dtype", "trainable", "build_config") and _is_plain(value)
    }


def _is_plain(value):
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str, np.generic))


_NOT_EVALUATION = ("evaluation", "collapse", "embedding_collapse", "plots", "labels")


def split(metrics):
    """`metrics` as passed, in its parts: evaluation, collapse, embedding collapse, plots.

    Whatever has no part of its own is evaluation, be it under that key or not.

    Raises:
        InputError: If `metrics` is not a dict, or a collapse report no report.
    """
    if metrics is None:
        metrics = {}
    if not isinstance(metrics, dict):
        raise InputError(
            f"metrics= is a dict such as {{'knn_accuracy': 0.87, 'collapse': kcs.diagnose(z)}}; "
            f"received {type(metrics).__name__}."
        )
    rest = {k: v for k, v in metrics.items() if k not in _NOT_EVALUATION}
    evaluation = as_json({**(metrics.get("evaluation") or {}), **rest})
    reports = [_report(metrics, key) for key in ("collapse", "embedding_collapse")]
    return evaluation, *reports, metrics.get("plots") or {}


def labels_of(metrics, images):
    """The images' classes `(N,)` that `metrics["labels"]` holds, or `None`.

    Raises:
        InputError: If there is not one for each of `images`.
    """
    labels = None if metrics is None else metrics.get("labels")
    if labels is None:
        return None
    labels = np.asarray(labels)
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    count = None if images is None else len(images)
    if labels.shape != (count,):
        raise InputError(
            "metrics['labels'] are the classes of images=, one for each; received labels of shape "
            f"{labels.shape} for {'no' if count is None else count} images."
        )
    return labels


def _report(metrics, key):
    report = as_json(metrics.get(key))
    if report is not None and not (isinstance(report, dict) and "verdict" in report):
        raise InputError(
            f"metrics[{key!r}] is a report of kcs.diagnose or its to_dict(), with a verdict; "
            f"received {type(metrics[key]).__name__}."
        )
    return report


def collapse_of(features):
    """The collapse report of features `(N, D)` as a dict; `None` for too few of them.

    Features that cannot be judged (all-zero rows) give a report with no verdict that says why.
    """
    if len(features) < _ENOUGH_TO_DIAGNOSE:
        return None
    try:
        return as_json(diagnose(features))
    except InputError as error:
        return {"verdict": None, "reasons": [str(error)], "figures": {}}
