"""`center-ssl evaluate`, and the tables at its end."""

import pathlib
from typing import Annotated

import typer

from keras_center_ssl import figures
from keras_center_ssl.cli.options import AsJson, print_json
from keras_center_ssl.cli.tables import print_table
from keras_center_ssl.cli.terminal import console, errors, quiet_start
from keras_center_ssl.errors import InputError

RunFolder = Annotated[pathlib.Path, typer.Argument(help="A run folder, as train wrote it.")]

_FIGURES = ("center_norm", "between_variance", "effective_rank")
# How a table calls what was judged.
_CANDIDATES = {
    "trained": "trained encoder",
    "untrained": "untrained encoder",
    "whitened_pixels": "PCA-whitened pixels",
    "raw_pixels": "raw pixels",
}
_IMAGES = {"test": "test images", "hold_out": "held-out training images"}


def evaluate(
    subject: Annotated[
        pathlib.Path,
        typer.Argument(
            metavar="RUN|ENCODER",
            help="A run folder, as train wrote it; or an encoder (.keras, .onnx, a SavedModel or a "
            "bundle's folder), or an .npz of features, with --data.",
        ),
    ],
    protocol: Annotated[
        str,
        typer.Option(help="One or more of knn, linear, few-labels, retrieval, finetune."),
    ] = "knn,linear",
    split: Annotated[
        str | None,
        typer.Option(
            help="test, or hold-out: the training images that data.hold_out kept out, on which "
            "settings are chosen. [hold-out where a run has one, else test]"
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--data",
            help="For an encoder: labelled images with a train and a test part, as for embed. For "
            "an .npz of test features: the .npz of training features.",
        ),
    ] = None,
    as_json: AsJson = False,
):
    """Measure an encoder beside its baselines: accuracies, and a collapse report.

    Example: center-ssl evaluate runs/first --protocol knn,linear
    """
    protocols = [name.strip() for name in protocol.split(",") if name.strip()]
    split = split and split.replace("-", "_")
    quiet_start()
    # Beside the JSON: that is for programs.
    say = (errors if as_json and not console.quiet else console).print
    if source is None:
        metrics = _evaluate_run(subject, protocols, split, say)
    else:
        from keras_center_ssl.runs import any_encoder

        if split not in (None, "test"):
            raise InputError("--split goes with a run; an encoder is judged on the test images.")
        metrics = any_encoder.evaluate(subject, source, protocols, say)
    if as_json:
        print_json(metrics)
        return
    print_metrics(metrics)
    if source is None:
        console.print(f"Pictures and all figures: {subject / 'report.html'}")


def _evaluate_run(subject, protocols, split, say):
    from keras_center_ssl import runs

    is_run = subject.is_dir() and (subject / "recipe.yaml").is_file()
    if (
        subject.exists()
        and not is_run
        and (subject.is_file() or (subject / "metrics.json").exists())
    ):
        raise InputError(
            f"{str(subject)!r} is no run folder. To judge an encoder, say on which images: "
            "--data fashion_mnist, or a folder with train and test in it."
        )
    return runs.evaluate(runs.Run(subject), say, protocols, split)


def print_metrics(metrics):
    """The tables at the end of an evaluation: accuracies, then figures and verdicts."""
    judged = metrics.get("protocols")
    split = metrics.get("split", "test")
    if judged:
        table = figures.judged(metrics)
        names = list(dict.fromkeys(name for values in table.values() for name in values))
        rows = [
            [_CANDIDATES.get(name, name), *(values.get(name, "") for values in table.values())]
            for name in names
        ]
        titles = ("features", *map(figures.label, table))
        print_table(console, titles, rows, f"{metrics['dataset']}, {_IMAGES[split]}")
        console.print(_interval_sentence(judged))
    elif metrics.get("accuracy_left_out"):
        console.print(f"No accuracy: {metrics['accuracy_left_out']}")
    images = _IMAGES[split] if metrics.get("held_out", True) else "training images"
    rows = []
    for name, report in metrics.get("collapse", {}).items():
        # One view of each image tells nothing of how views differ.
        values = [report["figures"].get(key) for key in _FIGURES]
        rows.append([name, *values, report["verdict"].replace("_", " ")])
    if rows:
        titles = ("embeddings", *map(figures.label, _FIGURES), "verdict")
        views = "two views of the " if metrics.get("views", 2) == 2 else "the "
        print_table(console, titles, rows, f"Collapse, on {views}{images}")
        if metrics.get("whitening"):
            console.print(
                "Features are diagnosed before their whitening, which would hide a collapse."
            )


def _interval_sentence(judged):
    """How far the first accuracy could be off on other test images."""
    for results in judged.values():
        result = next(iter(results.values()))
        if result.get("interval") and isinstance(result["interval"], list):
            low, high = result["interval"]
            return (
                f"Other test images of this kind would give {low:.3f} to {high:.3f} in place of "
                f"{result['accuracy']:.3f} (95 %)."
            )
    return ""
