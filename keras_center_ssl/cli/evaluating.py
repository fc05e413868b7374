"""`center-ssl evaluate`, and the tables at its end."""

import pathlib
from typing import Annotated

import typer

from keras_center_ssl import figures
from keras_center_ssl.cli.options import AsJson, print_json
from keras_center_ssl.cli.tables import print_table
from keras_center_ssl.cli.terminal import console, errors, quiet_start

RunFolder = Annotated[pathlib.Path, typer.Argument(help="A run folder, as train wrote it.")]

_FIGURES = ("center_norm", "between_variance", "effective_rank")


def evaluate(run: RunFolder, as_json: AsJson = False):
    """Measure a run: k-NN accuracy and a collapse report on held-out images.

    Example: center-ssl evaluate runs/first
    """
    quiet_start()
    from keras_center_ssl import runs

    # Beside the JSON: that is for programs.
    said = errors if as_json and not console.quiet else console
    metrics = runs.evaluate(runs.Run(run), progress=said.print)
    if as_json:
        print_json(metrics)
        return
    print_metrics(metrics)
    console.print(f"Pictures and all figures: {run / 'report.html'}")


def print_metrics(metrics):
    """The tables at the end of an evaluation: accuracies, then figures and verdicts."""
    accuracies = metrics.get("knn_accuracy")
    if accuracies:
        rows = [[name.replace("_", " "), float(value)] for name, value in accuracies.items()]
        print_table(
            console,
            ("features", "accuracy"),
            rows,
            f"{figures.label('knn_accuracy')}, {metrics['dataset']}",
        )
    elif metrics.get("knn_left_out"):
        console.print(f"No k-NN accuracy: {metrics['knn_left_out']}")
    images = "test images" if metrics.get("held_out", True) else "training images"
    rows = []
    for name, report in metrics["collapse"].items():
        values = [float(report["figures"][key]) for key in _FIGURES]
        rows.append([name, *values, report["verdict"].replace("_", " ")])
    titles = ("embeddings", *map(figures.label, _FIGURES), "verdict")
    print_table(console, titles, rows, f"Collapse, on two views of the {images}")
