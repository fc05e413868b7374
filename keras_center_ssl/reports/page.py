"""`report.html`: one page that opens from disk, with its pictures inside. Verdict first."""

import base64
import contextlib
import dataclasses
import functools
import operator
import pathlib
import tempfile

from keras_center_ssl import diagnosis, figures
from keras_center_ssl._version import __version__
from keras_center_ssl.diagnosis import sources
from keras_center_ssl.files import write_text
from keras_center_ssl.reports import plots

# Files of a run's plots/ in their order, with captions.
_CAPTIONS = (
    ("training.png", "Figures over the training, of the embeddings that the loss works on."),
    (
        "spectrum.png",
        "Spectrum of unit embeddings. One that breaks off early uses few dimensions; the dot marks "
        "where 99 % of the variance are reached.",
    ),
    (
        "cosines.png",
        "Pairs of different samples. All near 1: one point. Wider than uniform: fewer dimensions "
        "carry the variance. Separate peaks: groups.",
    ),
    (
        "projection*.png",
        "Principal components of unit embeddings. A point, a line or a few dots are a collapse.",
    ),
)
_WIDE = ("training.png",)


def write_report(run):
    """Writes `report.html` into a run's folder from its metrics, pictures and recipe."""
    metrics, recipe = run.metrics, run.recipe
    _write(
        run.folder / "report.html",
        title=recipe.name,
        subtitle=recipe.description,
        reports=[diagnosis.CollapseReport(**r) for r in metrics.get("collapse", {}).values()],
        accuracies=_accuracies(metrics),
        confusion=_confusion(metrics),
        label_free=metrics.get("label_free"),
        split=_SPLITS.get(metrics.get("split"), "test images"),
        whitening=metrics.get("whitening"),
        left_out=metrics.get("accuracy_left_out"),
        pictures=_pictures(run.folder / "plots"),
        recipe=recipe.to_yaml(),
    )


_SPLITS = {"hold_out": "training images that were held out"}


def _accuracies(metrics):
    """Head and rows of the table of accuracies, or `None`."""
    table = figures.judged(metrics)
    if not table:
        return None
    names = dict.fromkeys(name for values in table.values() for name in values)
    return {
        "head": list(map(figures.label, table)),
        "rows": [(name, [values.get(name) for values in table.values()]) for name in names],
    }


def _confusion(metrics):
    """Classes, counts and recall of the trained encoder's first classification, or `None`."""
    for results in metrics.get("protocols", {}).values():
        result = results.get("trained", {})
        if 2 <= len(result.get("classes", ())) <= _MOST_CLASSES:
            rows = [
                (name, counts, counts[k] / max(1, sum(counts)))
                for k, (name, counts) in enumerate(
                    zip(result["classes"], result["confusion"], strict=True)
                )
            ]
            return {"classes": result["classes"], "rows": rows}
    return None


# A larger confusion matrix is not read on a page.
_MOST_CLASSES = 20


def write_diagnosis(report, pictures, path):
    """Writes the page of one `CollapseReport`.

    Args:
        report: A `CollapseReport`.
        pictures: Folder of the pictures, as `plots.embedding_pictures` makes it.
        path: The HTML file to write.
    """
    views = "two views" if report.views == 2 else "one view"
    _write(
        pathlib.Path(path),
        title=f"Collapse report of {report.name or 'embeddings'}",
        subtitle=f"{report.samples:,} samples, {report.dimension:,} dimensions, {views}",
        reports=[dataclasses.replace(report, name=None)],
        pictures=_pictures(pictures),
    )


def diagnose_file(path, report_path=None, pictures=None, samples=2000, data_format=None):
    """`diagnosis.diagnose_file` with pictures.

    Args:
        path: A `.npy` or `.npz` file. An array `labels` or `y` of an `.npz` file, one class a
            sample, colours the projection.
        report_path: HTML file to write, or `None`.
        pictures: Folder that gets the PNG files, or `None`.
        samples: How many samples are drawn for the pictures, at most.
        data_format: Of feature maps, as in `kcs.diagnose`.

    Returns:
        The `CollapseReport`.
    """
    report = diagnosis.diagnose_file(path, data_format=data_format)
    if report_path is None and pictures is None:
        return report
    rows, labels = sources.sample_of_file(path, samples, data_format=data_format)
    with _folder(pictures) as folder:
        plots.embedding_pictures(rows, folder, labels=labels)
        if report_path is not None:
            write_diagnosis(report, folder, report_path)
    return report


@contextlib.contextmanager
def _folder(path):
    """`path` as a folder, or a temporary one for `None`."""
    if path is not None:
        yield pathlib.Path(path)
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield pathlib.Path(temporary)


def _write(path, **content):
    optional = dict.fromkeys(
        ("accuracies", "confusion", "label_free", "split", "whitening", "left_out", "recipe")
    )
    template = environment().get_template("page.html")
    page = template.render({**optional, **content, "version": __version__})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, page)


@functools.cache
def environment():
    """Where the pages' templates are; everything that is put into them is escaped."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_center_ssl.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    made.filters |= {"words": _words, "figure_rows": _figure_rows, "entry": _entry}
    return made


def _figure_rows(values, thresholds):
    """Rows of the table of figures: label, value, limit, whether that is missed, meaning."""
    rows = []
    for key, value in values.items():
        sign = figures.LIMIT_SIGNS.get(key)
        limit = thresholds.get(key) if sign else None
        about = figures.FIGURES.get(key)
        rows.append(
            {
                "label": figures.label(key),
                "value": f"{value:.4g}",
                "limit": "" if limit is None else f"{sign.replace('>=', '≥')} {limit:.4g}",
                "missed": limit is not None and not _COMPARE[sign](value, limit),
                "meaning": about.meaning if about else "",
            }
        )
    return rows


_COMPARE = {"<": operator.lt, ">": operator.gt, ">=": operator.ge}


def _pictures(folder):
    """Every picture that is there, with its caption."""
    return [
        {
            "title": _words(file.stem),
            "caption": caption,
            "wide": file.name in _WIDE,
            "data": base64.b64encode(file.read_bytes()).decode(),
        }
        for pattern, caption in _CAPTIONS
        for file in sorted(folder.glob(pattern))
    ]


def _entry(value):
    """An entry of a table: nothing for None, three digits of a number between whole ones."""
    if value is None:
        return ""
    return figures.number(value) if isinstance(value, float) else str(value)


def _words(name):
    return name.replace("_", " ")
