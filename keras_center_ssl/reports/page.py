"""`report.html`: one page that opens from disk, with its pictures inside. Verdict first."""

import base64
import contextlib
import dataclasses
import html
import pathlib
import tempfile

from keras_center_ssl import diagnosis
from keras_center_ssl._version import __version__
from keras_center_ssl.diagnosis import sources
from keras_center_ssl.files import write_text
from keras_center_ssl.reports import plots

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ --ink: #1f2937; --soft: #6b7280; --line: #e5e7eb; --good: #00664a; --bad: #a63c00; }}
body {{ font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; max-width: 64rem;
        margin: 2.5rem auto; padding: 0 1.25rem; color: var(--ink); background: #fff; }}
h1 {{ margin: 0; font-size: 1.7rem; }} h2 {{ margin: 2.4rem 0 .6rem; font-size: 1.2rem; }}
.subtitle, .note, figcaption, footer {{ color: var(--soft); }}
.subtitle {{ margin: .2rem 0 1.4rem; }} .note, figcaption, footer {{ font-size: .88rem; }}
.verdict {{ border-left: .4rem solid; padding: .8rem 1.1rem; margin: .8rem 0;
            border-radius: .25rem; }}
.verdict h3 {{ margin: 0; font-size: 1.1rem; }} .verdict ul {{ margin: .4rem 0 0; }}
.verdict ul {{ padding-left: 1.2rem; }}
.healthy {{ border-color: var(--good); background: #eefaf5; }}
.healthy h3 {{ color: var(--good); }}
.collapsed {{ border-color: var(--bad); background: #fff4ed; }}
.collapsed h3 {{ color: var(--bad); }}
.warning {{ margin: .4rem 0 0; }}
.table {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: .93rem; }}
td, th {{ padding: .3rem 1.3rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line);
          vertical-align: top; }}
thead th {{ color: var(--soft); font-weight: 600; }} tbody th {{ font-weight: 500; }}
.number {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
.missed {{ color: var(--bad); font-weight: 700; }}
figure {{ margin: 0; }} img {{ max-width: 100%; height: auto; display: block; }}
.pictures {{ display: grid; gap: 1.5rem 2rem;
             grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); }}
.wide {{ grid-column: 1 / -1; }}
pre {{ background: #f9fafb; border: 1px solid var(--line); padding: 1rem; overflow: auto;
       font-size: .85rem; }}
footer {{ margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .6rem; }}
</style></head><body>
<h1>{title}</h1><p class="subtitle">{subtitle}</p>
{body}
<footer>Written by keras-center-ssl {version}. Thresholds are derived in
<code>keras_center_ssl.diagnosis</code>.</footer>
</body></html>
"""

_MEANINGS = {
    "center_norm_squared": "share of the squared length that all samples have in common",
    "center_norm_squared_error": "its standard error",
    "center_norm": "length of the centre vector",
    "positive_cosine": "mean cosine of the two views of a sample",
    "augmentation_noise": "share of the squared length that differs between views of a sample",
    "between_variance": "share of the squared length that tells samples apart",
    "between_variance_error": "its standard error",
    "alignment": "mean squared distance of the two views of a sample",
    "normalized_std": "mean standard deviation per dimension; 1 if spread evenly",
    "participation_ratio": "number of equal directions that the variance is worth",
    "effective_rank": "exponential of the entropy of the singular values",
    "effective_rank_uncentered": "the same with the centre left in (RankMe as published)",
    "dimensions_99": "directions that hold 99 % of the variance",
    "uniformity": "about -4 if spread evenly, 0 for one point",
    "groups": "groups in the best split into a few tight groups",
    "within_group_share": "share of the variance within these groups",
    "group_gap": "distance between groups over the longest step within one",
    "subsample": "samples behind groups and uniformity",
}

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
    reports = [diagnosis.CollapseReport(**r) for r in metrics.get("collapse", {}).values()]
    body = [
        *map(_verdict, reports),
        ""
        if reports
        else "<p>Not evaluated yet: <code>center-ssl evaluate</code> adds the "
        "verdict on held-out images.</p>",
        _accuracy(metrics),
        _pictures(run.folder / "plots"),
        *map(_figures, reports),
        f"<h2>Recipe</h2><pre>{html.escape(recipe.to_yaml())}</pre>",
    ]
    _write(run.folder / "report.html", recipe.name, recipe.description, body)


def write_diagnosis(report, pictures, path):
    """Writes the page of one `CollapseReport`.

    Args:
        report: A `CollapseReport`.
        pictures: Folder of the pictures, as `plots.embedding_pictures` makes it.
        path: The HTML file to write.
    """
    views = "two views" if report.views == 2 else "one view"
    size = f"{report.samples:,} samples, {report.dimension:,} dimensions, {views}"
    title = f"Collapse report of {report.name or 'embeddings'}"
    report = dataclasses.replace(report, name=None)
    body = [_verdict(report), _pictures(pictures), _figures(report)]
    _write(pathlib.Path(path), title, size, body)


def diagnose_file(path, report_path=None, pictures=None, samples=2000):
    """`diagnosis.diagnose_file` with pictures.

    Args:
        path: A `.npy` or `.npz` file. An array `labels` or `y` of an `.npz` file, one class a
            sample, colours the projection.
        report_path: HTML file to write, or `None`.
        pictures: Folder that gets the PNG files, or `None`.
        samples: How many samples are drawn for the pictures, at most.

    Returns:
        The `CollapseReport`.
    """
    report = diagnosis.diagnose_file(path)
    if report_path is None and pictures is None:
        return report
    rows, labels = sources.sample_of_file(path, samples)
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


def _write(path, title, subtitle, body):
    page = _PAGE.format(
        title=html.escape(title),
        subtitle=html.escape(subtitle),
        body="\n".join(part for part in body if part),
        version=__version__,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, page)


def _verdict(report):
    """The box that says it in one line, with reasons and warnings."""
    style = "healthy" if report.verdict == "healthy" else "collapsed"
    verdict = _words(report.verdict)
    title = f"{report.name}: {verdict}" if report.name else verdict.capitalize()
    reasons = "".join(f"<li>{html.escape(reason)}</li>" for reason in report.reasons)
    warnings = "".join(
        f'<p class="warning note">Note: {html.escape(warning)}</p>' for warning in report.warnings
    )
    return (
        f'<div class="verdict {style}"><h3>{html.escape(title)}</h3>'
        f"<ul>{reasons}</ul>{warnings}</div>"
    )


def _figures(report):
    """The table of all figures, with limits and what they mean."""
    rows = []
    for name, value in report.figures.items():
        sign = diagnosis.LIMIT_SIGNS.get(name)
        limit = f"{_SIGNS[sign]} {report.thresholds[name]:.4g}" if sign else ""
        missed = bool(sign) and not _COMPARE[sign](value, report.thresholds[name])
        rows.append(
            f'<tr><th scope="row">{html.escape(_words(name))}</th>'
            f'<td class="number{" missed" if missed else ""}">{value:.4g}</td>'
            f'<td class="number">{limit}</td><td>{html.escape(_MEANINGS.get(name, ""))}</td></tr>'
        )
    title = f"Figures: {report.name}" if report.name else "Figures"
    return (
        f"<h2>{html.escape(title)}</h2>"
        f'<p class="note">{report.samples:,} samples, {report.dimension:,} dimensions. '
        "Bold: on the far side of its limit. A verdict may need more than one.</p>"
        '<div class="table"><table><thead><tr><th>figure</th><th class="number">value</th>'
        '<th class="number">free of collapse</th><th>meaning</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


_SIGNS = {"<": "&lt;", ">": "&gt;", ">=": "&ge;"}
_COMPARE = {"<": float.__lt__, ">": float.__gt__, ">=": float.__ge__}


def _accuracy(metrics):
    accuracies = metrics.get("knn_accuracy")
    if not accuracies:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{html.escape(_words(name))}</th>'
        f'<td class="number">{value:.4f}</td></tr>'
        for name, value in accuracies.items()
    )
    return (
        "<h2>k-NN accuracy on the test images</h2>"
        '<div class="table"><table><thead><tr><th>features</th><th class="number">accuracy</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _pictures(folder):
    """Every picture that is there, with its caption."""
    parts = []
    for pattern, caption in _CAPTIONS:
        for file in sorted(folder.glob(pattern)):
            picture = base64.b64encode(file.read_bytes()).decode()
            wide = ' class="wide"' if file.name in _WIDE else ""
            title = _words(file.stem)
            parts.append(
                f'<figure{wide}><img alt="{html.escape(title)}" '
                f'src="data:image/png;base64,{picture}">'
                f"<figcaption>{html.escape(caption)}</figcaption></figure>"
            )
    return f'<h2>Pictures</h2><div class="pictures">{"".join(parts)}</div>' if parts else ""


def _words(name):
    return name.replace("_", " ")
