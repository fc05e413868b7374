"""The model card of a bundle: `metrics.json` in words, tables and code that can be pasted.

`render` reads nothing but the content of `metrics.json`, so that a card never says more than the
record does. Sections without a figure are left out.
"""

# Figure -> what it says, in one line (formulas: keras_center_ssl.geometry).
FIGURES = {
    "center_norm": "length of the mean unit feature: 0 spread around the origin, 1 all alike",
    "positive_cosine": "mean cosine of two views of one image: 1 is invariant to the views",
    "between_variance": "share of the spread that tells images apart: 0 is collapse",
    "normalized_std": "mean standard deviation per dimension times sqrt(D): 1 is isotropic, 0 flat",
    "effective_rank": "exponential of the entropy of the singular values: dimensions in use",
    "participation_ratio": "(sum of eigenvalues)^2 / sum of squares: equal directions it fills",
    "uniformity": "log mean Gaussian potential of pairs: near -4 spread, 0 collapsed",
}

_LABELS = {
    "knn_accuracy": "k-NN accuracy",
    "linear_accuracy": "linear-probe accuracy",
    "trained": "trained encoder",
    "untrained": "untrained encoder",
    "raw_pixels": "raw pixels",
}
# Accuracies of something other than the published encoder: on the card, not in its model-index.
_BASELINES = ("untrained", "random", "raw", "pixel", "chance", "floor", "baseline")


def render(record):
    """The card, Markdown with Hugging Face front matter, of a `metrics.json` content."""
    sections = [
        _front_matter(record),
        _heading(record),
        _usage(record),
        _evaluation(record),
        _collapse(record),
        _plots(record),
        _training(record),
        _parity(record),
        _limits(record),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _front_matter(record):
    from huggingface_hub import EvalResult, ModelCardData

    datasets = _datasets(record)
    accuracies = [
        (key, value)
        for key, value in flatten(record["evaluation"])
        if "accuracy" in key and _is_number(value) and not any(b in key for b in _BASELINES)
    ]
    results = [
        EvalResult(
            task_type="image-classification",
            dataset_type=datasets[0],
            dataset_name=datasets[0],
            metric_type="accuracy",
            metric_name=_label(key),
            metric_value=value,
        )
        for key, value in accuracies
        if datasets
    ]
    tags = ["self-supervised-learning", "feature-extraction", "keras-center-ssl"]
    tags += [record["method"].lower()] if record["method"] else []
    tags += [kind for kind in ("onnx", "saved_model") if kind in record["formats"]]
    tags += [str(tag) for tag in record["metadata"].get("tags", [])]
    data = ModelCardData(
        model_name=record["name"],
        library_name="keras",
        pipeline_tag="image-feature-extraction",
        tags=list(dict.fromkeys(tags)),
        license=record["license"],
        datasets=datasets or None,
        metrics=["accuracy"] if accuracies else None,
        eval_results=results or None,
    )
    return f"---\n{data.to_yaml()}\n---"


def _heading(record):
    origin = ""
    if record["method"]:
        origin = f" trained without labels by {record['method']}"
        origin += f" on {', '.join(_datasets(record))}" if _datasets(record) else ""
    verdict = (record["collapse"] or {}).get("verdict")
    paragraphs = [
        f"# {record['name']}",
        record["description"],
        f"An image encoder{origin}: images `{_batch(record)}` in [0, 1] to features "
        f"`(batch, {record['feature_dim']})`, {record['parameters']:,} parameters.",
        f"Collapse verdict: **{_label(verdict)}**." if verdict else "",
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _usage(record):
    height, width, channels = (size or 64 for size in record["input"]["shape"])
    images = f'images = np.random.rand(2, {height}, {width}, {channels}).astype("float32")'
    blocks = []
    if "keras" in record["formats"]:
        needs = record["requires"]
        extra = f" Loading it needs the package {', '.join(needs)}." if needs else ""
        imports = "".join(f"import {package}\n" for package in needs)
        blocks.append(
            f"Keras 3, on any backend; training can go on from it.{extra}\n\n```python\n"
            f"import keras\nimport numpy as np\n{imports}\n{images}  # yours, in [0, 1]\n"
            f'encoder = keras.saving.load_model("{record["formats"]["keras"]}")\n'
            "features = encoder.predict(images)\n```"
        )
    if "onnx" in record["formats"]:
        blocks.append(
            "ONNX Runtime, with neither Keras nor TensorFlow on the machine:\n\n```python\n"
            f"import numpy as np\nimport onnxruntime\n\n{images}  # yours, in [0, 1]\n"
            f'session = onnxruntime.InferenceSession("{record["formats"]["onnx"]}")\n'
            'features = session.run(["features"], {"images": images})[0]\n'
            "features /= np.linalg.norm(features, axis=1, keepdims=True)\n"
            "cosines = features @ features.T\n```"
        )
    if "saved_model" in record["formats"]:
        blocks.append(
            "TensorFlow SavedModel, also for TensorFlow Serving:\n\n```python\n"
            f"import numpy as np\nimport tensorflow as tf\n\n{images}  # yours, in [0, 1]\n"
            f'serve = tf.saved_model.load("{record["formats"]["saved_model"]}")'
            '.signatures["serving_default"]\n'
            'features = serve(images=tf.constant(images))["features"]\n```'
        )
    scale = (
        f"Input: float32 of shape `{_batch(record)}`, channels last, in [0, 1] (8-bit pixels "
        "divided by 255)"
    )
    if None not in record["input"]["shape"]:
        scale += f"; resize other images to {height} x {width} first"
    return "\n\n".join(
        ["## Use", *blocks, scale + ". Compare features by cosine: divide by their length first."]
    )


def _evaluation(record):
    rows = [
        (_label(key), _figure(value))
        for key, value in flatten(record["evaluation"])
        if isinstance(value, (bool, int, float, str))
    ]
    return "## Evaluation\n\n" + _table(("measure", "value"), rows) if rows else ""


def _collapse(record):
    report, embeddings = record["collapse"], record.get("embedding_collapse")
    if not report:
        return ""
    reports = [report, embeddings] if embeddings else [report]
    head = ("figure", "features", "embeddings") if embeddings else ("figure", "value")
    figures = [each.get("figures") or {} for each in reports]
    rows = [
        (f"`{key}`", *(_figure(each[key]) if _has(each, key) else "" for each in figures), meaning)
        for key, meaning in FIGURES.items()
        if _has(figures[0], key)
    ]
    verdicts = [_label(e["verdict"]) if e.get("verdict") else "not reached" for e in reports]
    by = "by kcs.diagnose; all figures in metrics.json"
    rows.append(("verdict", *(f"**{verdict}**" for verdict in verdicts), by))
    lines = ["## Collapse", "", _table((*head, "what it says"), rows)]
    if _has(report, "samples"):
        views = "two views each" if report.get("views") == 2 else "one view each"
        lines += ["", f"Measured, L2-normalised, on {report['samples']} images, {views}."]
    if embeddings:
        lines += [
            "Features are what the encoder gives. Embeddings are what the training's loss worked "
            "on, behind the projector that is not exported. Features that end in a ReLU are never "
            "negative, and so keep a long centre in health, too."
        ]
    sentences = [*report.get("reasons", []), *report.get("warnings", [])]
    if sentences:
        lines += ["", *(f"- {sentence}" for sentence in sentences)]
    return "\n".join(lines)


def _plots(record):
    shown = [f"![{title}]({file})" for title, file in record["plots"].items()]
    return "\n\n".join(["## Plots", *shown]) if shown else ""


def _training(record):
    rows = [("method", record["method"]), ("dataset", ", ".join(_datasets(record)))]
    rows += [(key.replace("_", " "), record[key]) for key in ("seed", "data_fingerprint")]
    rows += flatten(record["hyperparameters"])
    apart = ("tags", "limits", "recipe")
    rows += flatten({k: v for k, v in record["metadata"].items() if k not in apart})
    rows = [(key, _figure(value)) for key, value in rows if value not in (None, "", [], {})]
    if not rows:
        return ""
    recipe = record["metadata"].get("recipe")
    lines = ["## Training", "", _table(("setting", "value"), rows)]
    if recipe:
        lines += ["", "The recipe it was trained by:", "", "```yaml", _yaml(recipe), "```"]
    return "\n".join(lines)


def _yaml(recipe):
    import yaml

    return yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True).rstrip()


def _parity(record):
    rows = [
        (
            f"`{record['formats'][name]}`",
            f"{result['max_absolute_error']:.1e}",
            f"{result['relative_error']:.1e}",
            f"{result['tolerance']:.0e}",
        )
        for name, result in record["parity"].items()
    ]
    if not rows:
        return ""
    images = next(iter(record["parity"].values()))["images"]
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    return (
        "## Parity\n\nEach file was read back and run beside the encoder in memory, on "
        f"{images} images in batches of 1, 2 and 7. The relative error is the largest difference "
        "over the root mean square of the features.\n\n"
        + _table(("file", "largest difference", "relative", "tolerance"), rows)
        + f"\n\nMade with {versions}."
    )


def _limits(record):
    stated = record["metadata"].get("limits")
    stated = [stated] if isinstance(stated, str) else list(stated or [])
    limits = [
        *stated,
        "The features were not trained for any one task: measure them on yours before relying on "
        "them.",
        "Images that differ from the training data in kind, scale or value range give features "
        "without a guarantee.",
    ]
    if not record["license"]:
        limits.append("No license was stated for these weights.")
    if not record["evaluation"]:
        limits.append("No evaluation was recorded with this export.")
    return "\n".join(["## Limits", "", *(f"- {limit}" for limit in limits)])


def flatten(values, prefix=""):
    """The leaves of nested dicts as `(key / key, value)` pairs."""
    pairs = []
    for key, value in values.items():
        path = f"{prefix} / {key}" if prefix else str(key)
        pairs += flatten(value, path) if isinstance(value, dict) else [(path, value)]
    return pairs


def _datasets(record):
    dataset = record["dataset"]
    return [dataset] if isinstance(dataset, str) else [str(name) for name in dataset or []]


def _batch(record):
    names = ("height", "width", "channels")
    sizes = [str(s or n) for s, n in zip(record["input"]["shape"], names, strict=True)]
    return f"(batch, {', '.join(sizes)})"


def _label(key):
    return ", ".join(_LABELS.get(part, part.replace("_", " ")) for part in key.split(" / "))


def _figure(value):
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _has(figures, key):
    return _is_number(figures.get(key))


def _table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")
