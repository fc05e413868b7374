"""From a run to an export bundle."""

import json

from keras_center_ssl import data, export
from keras_center_ssl.errors import InputError
from keras_center_ssl.runs.folder import load_model
from keras_center_ssl.runs.skipped import note_skipped

# Real images for the parity check; the rest of it uses random ones.
PARITY_IMAGES = 128
# Figures of an evaluation that go onto the card, with their baselines.
ACCURACIES = (
    "knn_accuracy",
    "linear_accuracy",
    "fine_tuned_accuracy",
    "linear_accuracy_1_percent",
    "linear_accuracy_10_percent",
    "mean_average_precision",
)
# A run's pictures that the card shows, and their titles.
PICTURES = {
    "training": "Training",
    "spectrum": "Spectrum of the covariance",
    "cosines": "Cosines of pairs of images",
    "projection_features": "Features, two principal components",
}


def export_run(
    run, directory, formats=None, *, name=None, license="apache-2.0", opset=17, say=None
):
    """Exports a run's encoder with its recipe, its figures and its pictures on the card.

    Args:
        run: An evaluated `Run`.
        directory: The bundle to make; it must not exist, or be empty.
        formats: Names of formats in `kcs.export.FORMATS`; all by default.
        name: The bundle's name; the recipe's by default.
        license: SPDX id of the weights' licence.
        opset: ONNX opset.
        say: Called with a sentence on files that were skipped.

    Returns:
        The bundle's path, and format -> result of the check against Keras.

    Raises:
        InputError: If the run was not evaluated, or whatever `export.export_bundle` refuses.
    """
    metrics, recipe = run.metrics, run.recipe
    if not metrics.get("collapse"):
        raise InputError(f"The run {str(run.folder)!r} has no figures yet; evaluate it first.")
    loaded = data.load(recipe.data.open("test"), limit=PARITY_IMAGES)
    note_skipped(run.folder, "test", loaded.skipped, say or (lambda text: None), whole=False)
    images = loaded.images
    images = images.astype("float32") / (255.0 if images.dtype == "uint8" else 1.0)
    method = run.load_model()
    branch = next(name for name in metrics["collapse"] if name != "features")
    bundle = export.export_bundle(
        load_model(run.encoder),
        directory,
        formats or tuple(export.FORMATS),
        name=name or recipe.name,
        images=images,
        opset=opset,
        metrics={
            **{key: metrics[key] for key in ACCURACIES if metrics.get(key)},
            "collapse": metrics["collapse"]["features"],
            "embedding_collapse": metrics["collapse"][branch],
            "plots": {
                title: run.folder / "plots" / f"{name}.png"
                for name, title in PICTURES.items()
                if (run.folder / "plots" / f"{name}.png").is_file()
            },
        },
        metadata={
            "method": metrics["method"],
            "hyperparameters": export.metrics.hyperparameters(method),
            "whitening": _whitening(metrics, recipe),
            "dataset": metrics["dataset"],
            "data_fingerprint": metrics["data_fingerprint"],
            "encoder": recipe.encoder.name,
            "seed": recipe.seed,
            "license": license,
            "description": recipe.description,
            "recipe": recipe.to_dict(),
            "training": metrics["training"],
        },
    )
    record = json.loads((bundle / "metrics.json").read_text(encoding="utf-8"))
    return bundle, record["parity"]


def _whitening(metrics, recipe):
    """What the card says of the whitening layer, or `None`."""
    found = metrics.get("whitening")
    return found and {**found, "shrinkage": recipe.features.shrinkage}
