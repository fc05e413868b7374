"""The model card of a bundle: `metrics.json` in words, tables and code that can be pasted.

`render` reads nothing but the content of `metrics.json`, so that a card never says more than the
record does. Sections without a figure are left out. The text stands in `templates/card.md`.
"""

import functools

from keras_center_ssl import figures

# Figures on the card, in their order; metrics.json has all.
SHOWN = (
    "center_norm",
    "positive_cosine",
    "between_variance",
    "normalized_std",
    "effective_rank",
    "participation_ratio",
    "uniformity",
    "duplicate_share",
)
_LABELS = {"trained": "trained encoder", "untrained": "untrained encoder"}
# Accuracies of something other than the published encoder: on the card, not in its model-index.
_BASELINES = ("untrained", "random", "raw", "pixel", "chance", "floor", "baseline")
# Parts of the metadata that stand elsewhere on the card.
_APART = ("tags", "limits", "recipe")


def render(record):
    """The card, Markdown with Hugging Face front matter, of a `metrics.json` content."""
    shape = record["input"]["shape"]
    height, width, channels = (size or 64 for size in shape)
    parity = record["parity"]
    return _template().render(
        record=record,
        front_matter=_front_matter(record),
        datasets=_datasets(record),
        batch=_batch(shape),
        height=height,
        width=width,
        channels=channels,
        fixed_size=None not in shape,
        projector=_projector(record),
        evaluation=_evaluation(record),
        collapse=_collapse(record),
        training=_training(record),
        recipe=_yaml(record["metadata"].get("recipe")),
        parity=_parity(record),
        parity_images=max((r["images"] for r in parity.values() if "tolerance" in r), default=0),
        approximations=_approximations(record),
        approximated_on=_approximated_on(record),
        costs=_costs(record),
        versions=", ".join(f"{name} {version}" for name, version in record["versions"].items()),
        limits=_limits(record),
    )


@functools.cache
def _template():
    import jinja2

    # Markdown, not HTML: table cells are escaped by `cell`, the rest is prose and code.
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_center_ssl.export"),
        autoescape=False,
        keep_trailing_newline=True,
    )
    environment.filters |= {"label": _label, "cell": _cell, "dashes": lambda title: "---"}
    return environment.get_template("card.md")


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
    tags += [name for name in sorted(record["formats"]) if name != "keras"]  # that is the library
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
    return data.to_yaml()


def _evaluation(record):
    return [
        (_label(key), _number(value))
        for key, value in flatten(record["evaluation"])
        if isinstance(value, (bool, int, float, str))
    ]


def _collapse(record):
    """Head, rows, samples, views and sentences of the collapse table; `None` without a report."""
    report, embeddings = record["collapse"], record.get("embedding_collapse")
    if not report:
        return None
    reports = [report, embeddings] if embeddings else [report]
    head = ("figure", "features", "embeddings") if embeddings else ("figure", "value")
    values = [each.get("figures") or {} for each in reports]
    rows = []
    for key in SHOWN:
        if not _has(values[0], key):
            continue
        about = figures.FIGURES[key]
        cells = [_number(each[key]) if _has(each, key) else "" for each in values]
        rows.append((f"`{key}`", *cells, f"{about.label}: {about.meaning}{_sides(about)}"))
    verdicts = [_label(e["verdict"]) if e.get("verdict") else "not reached" for e in reports]
    by = "by kcs.diagnose; all figures in metrics.json"
    rows.append(("verdict", *(f"**{verdict}**" for verdict in verdicts), by))
    return {
        "head": (*head, "what it says"),
        "rows": rows,
        "samples": report["samples"] if _has(report, "samples") else None,
        "views": report.get("views"),
        "sentences": [*report.get("reasons", []), *report.get("warnings", [])],
    }


def _sides(about):
    """`" (well below 1 in health, 1 in collapse)"`, as far as the table of figures says it."""
    sides = [f"{about.healthy} in health"] if about.healthy else []
    sides += [f"{about.collapsed} in collapse"] if about.collapsed else []
    return f" ({', '.join(sides)})" if sides else ""


def _training(record):
    rows = [("method", record["method"]), ("dataset", ", ".join(_datasets(record)))]
    rows += [(key.replace("_", " "), record[key]) for key in ("seed", "data_fingerprint")]
    rows += flatten(record["hyperparameters"])
    rows += flatten({k: v for k, v in record["metadata"].items() if k not in _APART})
    return [(key, _number(value)) for key, value in rows if value not in (None, "", [], {})]


def _yaml(recipe):
    import yaml

    return yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True).rstrip() if recipe else None


def _parity(record):
    projector = record.get("projector") or {"formats": {}, "parity": {}}
    results = [
        (part["formats"][name], result)
        for part in (record, projector)
        for name, result in part["parity"].items()
        if "tolerance" in result
    ]
    return [
        (
            f"`{file}`",
            f"{result['max_absolute_error']:.1e}",
            f"{result['relative_error']:.1e}",
            f"{result['tolerance']:.0e}",
        )
        for file, result in results
    ]


def _projector(record):
    projector = record.get("projector") or {"formats": {}}
    return [(f"`{record['formats'][n]}`", f"`{file}`") for n, file in projector["formats"].items()]


def _approximations(record):
    """Head and rows of the table of files with fewer bits; `None` without any."""
    results = {name: r for name, r in record["parity"].items() if "centered_cosine" in r}
    if not results:
        return None
    with_knn = any(result["knn"] for result in results.values())
    rows = []
    for name, result in results.items():
        knn = result["knn"] or {}
        row = [
            f"`{record['formats'][name]}`",
            f"{result['centered_cosine']:.5f}",
            f"{result['lowest_centered_cosine']:g}",
        ]
        if with_knn:
            row += [f"{knn[key]:{sign}.4g}" if knn else "" for key, sign in _KNN]
        rows.append(row)
    knn_head = ("k-NN, encoder", "k-NN, file", "change") if with_knn else ()
    return {"head": ("file", "centred cosine", "at least", *knn_head), "rows": rows}


_KNN = (("float32", ""), ("file", ""), ("change", "+"))


def _costs(record):
    """Rows of the table of bytes and times; empty for a record of before they were measured."""
    costs = record.get("costs") or {"formats": {}}
    return [
        (
            f"`{record['formats'][name]}`",
            f"{cost['bytes']:,}",
            *("" if ms is None else f"{ms:.3g}" for ms in cost["milliseconds"].values()),
        )
        for name, cost in costs["formats"].items()
    ]


def _approximated_on(record):
    """`"256 images"`, or what else files with fewer bits were compared on."""
    for result in record["parity"].values():
        if "centered_cosine" in result:
            return f"{result['images']} {'images' if result['real_images'] else 'random patterns'}"
    return None


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
    return limits


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


def _batch(shape):
    names = ("height", "width", "channels")
    sizes = [str(s or n) for s, n in zip(shape, names, strict=True)]
    return f"(batch, {', '.join(sizes)})"


def _label(key):
    return ", ".join(_LABELS.get(part, figures.label(part)) for part in key.split(" / "))


def _number(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _has(figures, key):
    return _is_number(figures.get(key))


def _cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")
