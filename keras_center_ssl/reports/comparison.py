"""A page of several trainings: a table, their curves one over the other, and what was different."""

import base64
import pathlib
import tempfile

from keras_center_ssl import figures
from keras_center_ssl._version import __version__
from keras_center_ssl.files import write_text
from keras_center_ssl.reports.page import environment
from keras_center_ssl.reports.plots.curves import compared_curves


def table_of(comparison):
    """Titles and rows of a comparison: for each run what it reached, `None` where it has not.

    Args:
        comparison: What `runs.compare` returns.
    """
    titles = [
        "run",
        "method",
        "encoder",
        "epochs",
        "images/s",
        "k-NN",
        "untrained",
        "embeddings",
        figures.label("center_norm"),
        figures.label("between_variance"),
        figures.label("effective_rank"),
        "verdict",
    ]
    rows = []
    for name, run in comparison["runs"].items():
        rate, knn = run["images_per_second"], run["knn_accuracy"]
        known = [name, run["method"], run["encoder"], run["epochs"], rate and round(rate)]
        known += [knn.get("trained"), knn.get("untrained")]
        if not run["collapse"]:
            rows.append([*known, None, None, None, None, "not evaluated"])
        for number, (embeddings, found) in enumerate(run["collapse"].items()):
            values = [found[k] for k in ("center_norm", "between_variance", "effective_rank")]
            verdict = found["verdict"].replace("_", " ")
            first = known if number == 0 else [name, *[None] * (len(known) - 1)]
            rows.append([*first, embeddings, *map(float, values), verdict])
    return titles, rows


def write_comparison(comparison, path):
    """Writes the page, which opens from disk, with its picture inside.

    Args:
        comparison: What `runs.compare` returns.
        path: The HTML file.
    """
    histories = {name: run["history"] for name, run in comparison["runs"].items()}
    histories = {name: history for name, history in histories.items() if history}
    picture = None
    if histories:
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "curves.png"
            compared_curves(histories, file)
            picture = base64.b64encode(file.read_bytes()).decode()
    titles, rows = table_of(comparison)
    page = (
        environment()
        .get_template("comparison.html")
        .render(
            titles=titles,
            rows=rows,
            picture=picture,
            names=list(comparison["runs"]),
            differences=comparison["differences"],
            without=[name for name in comparison["runs"] if name not in histories],
            version=__version__,
        )
    )
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, page)
