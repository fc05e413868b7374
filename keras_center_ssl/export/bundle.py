"""An export bundle: the encoder in every format, its record and its card, in one folder.

    README.md            model card
    metrics.json         every figure of the card (see `metrics.py`)
    encoder.keras        encoder.onnx        saved_model/        plots/*.png
    projector.keras      ...                 with `heads=True`

A zoo entry is the same folder (`keras_center_ssl.zoo.publish`).
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keras_center_ssl import keras_needed  # noqa: F401
from keras_center_ssl.encoders import as_encoder, plain, unwhitened, whitening_of
from keras_center_ssl.errors import InputError
from keras_center_ssl.export import configs, costs, model_card, parity, projector
from keras_center_ssl.export import metrics as _metrics
from keras_center_ssl.export.approximation import Comparison
from keras_center_ssl.export.ends import INPUT
from keras_center_ssl.export.formats import default_formats, select
from keras_center_ssl.export.making import folder_in_the_making, free_place
from keras_center_ssl.export.plot_files import copy_plots
from keras_center_ssl.files import is_plain_name
from keras_center_ssl.types import Array, FilePath

_OWN_FIELDS = ("method", "encoder", "dataset", "seed", "data_fingerprint", "license", "description")


def export_bundle(
    model: Any,
    directory: FilePath,
    formats: Iterable[str] = default_formats(),
    *,
    name: str | None = None,
    metrics: dict[str, Any] | None = None,
    images: Array | None = None,
    metadata: dict[str, Any] | None = None,
    opset: int = 17,
    overwrite: bool = False,
    heads: bool = False,
) -> Path:
    """Writes an encoder with its model card, in formats that run with and without Keras.

    Every file is read back and run beside the encoder in memory before the folder gets its name;
    a difference above `parity.TOLERANCE` raises, or of a format of fewer bits a centred cosine
    below its bound (`approximation.py`), and whatever raises leaves nothing.

    Args:
        model: One of `kcs.methods` (its `.encoder` is exported), or any `keras.Model` from images
            `(B, H, W, C)` to features `(B, D)` or feature maps `(B, H, W, D)`, which are averaged
            over positions. Mixed-precision encoders are exported in float32.
        directory: The folder to make. Must not exist, or be empty, unless `overwrite`.
        formats: Names of formats in the table `kcs.export.FORMATS`, which also has float16 and
            8-bit ones; those in float32 that need no further runtime unless given.
        name: Letters, digits, `.`, `_`, `-`; the folder's name unless given.
        metrics: A dict for the record and the card. `"collapse"`: a `kcs.CollapseReport` of the
            features; `"embedding_collapse"`: one of the embeddings the loss worked on;
            `"plots"`: PNG files, as a list or title -> path; `"labels"`: the classes `(N,)` of
            `images`, for how k-NN changes in formats of fewer bits; anything else is evaluation:
            `{"knn_accuracy": {"trained": .87, "untrained": .79, "raw_pixels": .85}}`.
        images: `(N, H, W, C)` float in [0, 1]: real images for the parity check; 8-bit formats
            need some hundred, to be calibrated on every other one of them. From 64 on, and unless
            `metrics` has one, the collapse report is made from their features.
        metadata: What the card should say of the training: `dataset`, `license` (an SPDX id such as
            `"apache-2.0"`), `description`, `seed`, `data_fingerprint`, `tags`, `limits`, and any
            further settings.
        opset: ONNX operator set, 11 to 18.
        overwrite: Whether to replace an earlier bundle at `directory`.
        heads: Whether the method's projector is exported too, `(B, D)` features to `(B, P)`
            embeddings: `projector.keras`, `projector.onnx` and so on, in the float32 formats.

    Returns:
        The `pathlib.Path` of the bundle.

    Raises:
        InputError: For an unfit model, unknown formats, an occupied directory, an opset that is
            not supported, layers that ONNX cannot write or that draw random numbers at inference,
            8-bit formats without images, `heads` without a projector, non-finite features, files
            that do not reproduce the encoder's features, and where another process exports to the
            same directory.
    """
    selected = select(formats)
    target = free_place(directory, overwrite)
    name = _checked_name(name, target)
    evaluation, collapse, embedding_collapse, plots = _metrics.split(metrics)
    labels = _metrics.labels_of(metrics, images)
    if metadata is not None and not isinstance(metadata, dict):
        raise InputError(
            f"metadata= is a dict such as {{'dataset': 'cifar10', 'license': 'apache-2.0'}}; "
            f"received {type(metadata).__name__}."
        )
    described: dict[str, Any] = _metrics.as_json(metadata or {})
    is_method = getattr(model, "encoder", None) is not None
    original = configs.in_float32(as_encoder(model.encoder if is_method else model))
    encoder = plain(original)
    head = projector.projector_of(model, selected) if heads else None

    batches = parity.probe_batches(original, images)
    expected = parity.features_of(original, batches)
    comparison = Comparison(original, images, labels)
    for each in selected:
        if each.needs_images:
            comparison.calibration_for(each.name)
    if collapse is None and images is not None:
        # Before a whitening layer, which would hide a dimensional collapse.
        features = unwhitened(original).predict(images, batch_size=256, verbose=0)
        collapse = _metrics.collapse_of(features)

    names = [each.name for each in selected]
    record = {
        "schema_version": _metrics.SCHEMA_VERSION,
        "name": name,
        "method": described.get("method") or (type(model).__name__ if is_method else None),
        "hyperparameters": (
            _metrics.hyperparameters(model) if is_method else described.pop("hyperparameters", {})
        ),
        "encoder": described.get("encoder") or original.name,
        "parameters": int(original.count_params()),
        "requires": configs.foreign_packages(encoder) if "keras" in names else [],
        "input": {
            "name": INPUT,
            "shape": list(encoder.input_shape[1:]),
            "range": [0.0, 1.0],
            "layout": "NHWC",
            "dtype": "float32",
        },
        "feature_dim": int(encoder.output_shape[-1]),
        "whitening": described.pop("whitening", None) or whitening_of(original),
        "formats": {each.name: each.file for each in selected},
        "opset": opset if any(each.has_opset for each in selected) else None,
        **{key: described.get(key) for key in _OWN_FIELDS if key not in ("method", "encoder")},
        "metadata": {key: value for key, value in described.items() if key not in _OWN_FIELDS},
        "evaluation": evaluation,
        "collapse": collapse,
        "embedding_collapse": embedding_collapse,
        "parity": {},
        "costs": None,
        "projector": None,
        "plots": {},
        "versions": _metrics.versions(),
    }
    with folder_in_the_making(target, overwrite) as folder:
        files = {}
        for each in selected:
            further = {"images": comparison.calibration} if each.needs_images else {}
            predict = each.write(
                encoder, folder / each.file, opset=opset, properties=_properties(record), **further
            )
            if each.lowest_cosine is None:
                result = parity.compare(predict, batches, expected)
            else:
                result = comparison.compare(predict, batches, expected, each.lowest_cosine)
            record["parity"][each.name] = _passed(each, result, each.file)
            files[each.name] = (predict, folder / each.file)
        record["costs"] = costs.measure(files, batches[0])
        if head is not None:
            record["projector"] = projector.write(
                *head, folder, expected, opset=opset, properties=_properties(record)
            )
            for each in head[1]:
                _passed(each, record["projector"]["parity"][each.name], each.projector_file)
        record["plots"] = copy_plots(plots, folder)
        (folder / "metrics.json").write_text(
            json.dumps(_metrics.as_json(record), indent=2, allow_nan=False) + "\n", "utf-8"
        )
        (folder / "README.md").write_text(model_card.render(record), "utf-8")
    return target


def _passed(each, result, file):
    """`result`, where the file reproduces the model in memory.

    Raises:
        InputError: Where it does not.
    """
    if result["passed"]:
        return result
    if each.lowest_cosine is None:
        difference = (
            f"features differ by up to {result['max_absolute_error']:.2g}, "
            f"{result['relative_error']:.2g} of their scale; at most {result['tolerance']:.0e} is "
            "accepted"
        )
        remedy = "look for a layer whose output depends on the batch or on chance"
    else:
        difference = (
            f"the mean centred cosine of its features to the encoder's is "
            f"{result['centered_cosine']:.4f}; at least {each.lowest_cosine:g} is accepted"
        )
        remedy = "pass more images= of the kind that it will see, if it is calibrated on them"
    raise InputError(
        f"The exported {file} does not reproduce the encoder: {difference}. Nothing was "
        f"written. Leave {each.name!r} out of formats=, or {remedy}."
    )


def _properties(record):
    """What the ONNX file says of itself, for whoever meets it without its folder."""
    collapse = record["collapse"] or {}
    figures = collapse.get("figures") or {}
    dataset = record["dataset"]
    version = record["versions"]["keras_center_ssl"]
    properties = {
        "name": record["name"],
        "library": f"keras-center-ssl {version}",
        "version": version,
        "method": record["method"],
        "dataset": dataset if isinstance(dataset, str) else ", ".join(map(str, dataset or [])),
        "license": record["license"],
        "input_range": "0..1",
        "input_layout": "NHWC",
        "collapse_verdict": collapse.get("verdict"),
        "center_norm": figures.get("center_norm"),
        "effective_rank": figures.get("effective_rank"),
    }
    return {
        key: f"{value:.6g}" if isinstance(value, float) else value
        for key, value in properties.items()
        if value not in (None, "")
    }


def _checked_name(name, target):
    given = target.name if name is None else name
    if not is_plain_name(given):
        raise InputError(
            f"The bundle's name {given!r} must be letters, digits, '.', '_' and '-', begin with a "
            "letter or digit, and have at most 100 characters. Pass name=."
        )
    return given
