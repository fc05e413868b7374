"""From a run to an export bundle."""

import json

from keras_center_ssl import data, export, figures
from keras_center_ssl.errors import InputError
from keras_center_ssl.export.formats import default_formats, select
from keras_center_ssl.runs.folder import load_model
from keras_center_ssl.runs.skipped import note_skipped

# Real images for the parity check; the rest of it uses random ones. Formats of fewer bits are
# calibrated on some, and compared on the others.
PARITY_IMAGES, CALIBRATION_IMAGES = 128, 512
# A run's pictures that the card shows, and their titles.
PICTURES = {
    "training": "Training",
    "spectrum": "Spectrum of the covariance",
    "cosines": "Cosines of pairs of images",
    "projection_features": "Features, two principal components",
}


def export_run(
    run,
    directory,
    formats=None,
    *,
    name=None,
    license="apache-2.0",
    opset=17,
    heads=False,
    say=None,
):
    """Exports a run's encoder with its recipe, its figures and its pictures on the card.

    Args:
        run: An evaluated `Run`.
        directory: The bundle to make; it must not exist, or be empty.
        formats: Names of formats in `kcs.export.FORMATS`; its defaults unless given.
        name: The bundle's name; the recipe's by default.
        license: SPDX id of the weights' licence.
        opset: ONNX opset.
        heads: Whether the projector is exported beside the encoder.
        say: Called with a sentence on files that were skipped.

    Returns:
        The bundle's path, and format -> result of the check against Keras.

    Raises:
        InputError: If the run was not evaluated, or whatever `export.export_bundle` refuses.
    """
    metrics, recipe = run.metrics, run.recipe
    if not metrics.get("collapse"):
        raise InputError(f"The run {str(run.folder)!r} has no figures yet; evaluate it first.")
    if heads and recipe.features.whiten:
        raise InputError(
            "The projector takes features that are not whitened, and this run's are "
            "(features.whiten in its recipe). Export it without the projector, or call "
            "kcs.export.export_bundle(run.load_model(), directory, heads=True) for both as they "
            "were trained."
        )
    selected = select(formats or default_formats())
    exact = all(each.lowest_cosine is None for each in selected)
    limit = PARITY_IMAGES if exact else CALIBRATION_IMAGES
    loaded = data.load(recipe.data.open("test"), limit=limit)
    note_skipped(run.folder, "test", loaded.skipped, say or (lambda text: None), whole=False)
    images = loaded.images
    images = images.astype("float32") / (255.0 if images.dtype == "uint8" else 1.0)
    method = run.load_model()
    branch = next(name for name in metrics["collapse"] if name != "features")
    bundle = export.export_bundle(
        method if heads else load_model(run.encoder),
        directory,
        [each.name for each in selected],
        name=name or recipe.name,
        images=images,
        opset=opset,
        heads=heads,
        metrics={
            **figures.judged(metrics),
            "labels": loaded.labels,
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
