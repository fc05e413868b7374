"""`report.html` of a run: one page that opens from disk, with its pictures inside."""

import base64
import html

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
        color: #1f2937; }}
h1 {{ margin-bottom: 0; }} h2 {{ margin-top: 2rem; font-size: 1.15rem; }}
table {{ border-collapse: collapse; }}
td, th {{ padding: .25rem .9rem .25rem 0; text-align: left; }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
img {{ max-width: 100%; }} pre {{ background: #f3f4f6; padding: 1rem; overflow: auto; }}
.verdict {{ display: inline-block; padding: .15rem .6rem; border-radius: .4rem; color: #fff; }}
.healthy {{ background: #15803d; }} .collapsed {{ background: #b91c1c; }}
</style></head><body>
<h1>{title}</h1><p>{subtitle}</p>
{body}
<h2>Recipe</h2><pre>{recipe}</pre>
</body></html>
"""


def write_report(run):
    """Writes `report.html` into a run's folder from its metrics, plots and recipe."""
    metrics, recipe = run.metrics, run.recipe
    body = [_accuracy(metrics), _collapse(metrics)]
    for title, name in (("Training", "training.png"), ("Spectrum", "spectrum.png")):
        file = run.folder / "plots" / name
        if file.is_file():
            picture = base64.b64encode(file.read_bytes()).decode()
            body.append(
                f'<h2>{title}</h2><img alt="{title}" src="data:image/png;base64,{picture}">'
            )
    page = _PAGE.format(
        title=html.escape(recipe.name),
        subtitle=html.escape(recipe.description),
        body="\n".join(part for part in body if part),
        recipe=html.escape(recipe.to_yaml()),
    )
    (run.folder / "report.html").write_text(page, encoding="utf-8")


def _accuracy(metrics):
    accuracies = metrics.get("knn_accuracy")
    if not accuracies:
        return ""
    rows = _rows((name.replace("_", " "), f"{value:.4f}") for name, value in accuracies.items())
    return f"<h2>k-NN accuracy on the test images</h2><table>{rows}</table>"


def _collapse(metrics):
    parts = []
    for name, report in metrics.get("collapse", {}).items():
        verdict = report["verdict"]
        style = "healthy" if verdict == "healthy" else "collapsed"
        reasons = "".join(f"<li>{html.escape(reason)}</li>" for reason in report["reasons"])
        rows = _rows((key, f"{value:.4g}") for key, value in report["figures"].items())
        parts.append(
            f'<h2>Collapse report: {html.escape(name)} <span class="verdict {style}">'
            f"{verdict.replace('_', ' ')}</span></h2><ul>{reasons}</ul><table>{rows}</table>"
        )
    return "\n".join(parts)


def _rows(pairs):
    return "".join(
        f'<tr><th>{html.escape(name)}</th><td class="number">{html.escape(value)}</td></tr>'
        for name, value in pairs
    )
