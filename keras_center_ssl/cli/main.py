"""The command `center-ssl`. Commands import what they need when they run, so that help is quick."""

import os
import pathlib
import shlex
import sys
import tempfile
import warnings
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from keras_center_ssl._version import __version__
from keras_center_ssl.errors import (
    CheckpointWarning,
    CollapseWarning,
    DivergenceError,
    InputError,
    TrainingStopped,
)

app = typer.Typer(
    name="center-ssl",
    help="Self-supervised learning in Keras, with collapse as a measured quantity.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
zoo_app = typer.Typer(help="Pretrained encoders.", no_args_is_help=True)
app.add_typer(zoo_app, name="zoo")

console = Console(soft_wrap=True)

RunFolder = Annotated[pathlib.Path, typer.Argument(help="A run folder, as train wrote it.")]
Source = Annotated[
    str | None,
    typer.Option(help="A zoo: a folder, http(s)://... or hf://owner/repo. [$KERAS_CENTER_SSL_ZOO]"),
]
Cache = Annotated[
    pathlib.Path | None, typer.Option("--cache-dir", help="Where downloads are kept.")
]


def main(command=app):
    """Runs a command: one paragraph and exit code 1 for input that a person can mend."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        command()
    except InputError as error:
        Console(stderr=True, soft_wrap=True).print(f"Error: {error}", style="red", markup=False)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def quiet_start():
    """Imports TensorFlow without the banner that its C++ side writes past all log levels."""
    saved, sink = os.dup(2), tempfile.TemporaryFile()
    os.dup2(sink.fileno(), 2)
    try:
        from keras_center_ssl import engine

        engine.has_accelerator()
    except BaseException:
        sink.seek(0)
        os.write(saved, sink.read())
        raise
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        sink.close()


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False):
    if version:
        console.print(__version__, highlight=False)
        raise typer.Exit()


@app.command()
def train(
    recipe: Annotated[pathlib.Path, typer.Argument(help="A recipe, a YAML file.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change the recipe: epochs=1, method.temperature=0.2, ..."),
    ] = None,
    out: Annotated[
        pathlib.Path | None,
        typer.Option(help="The run folder to make. [runs/<name of the recipe>]"),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the run in --out from its last checkpoint, as if it had not been "
            "interrupted. Begins one where there is none.",
        ),
    ] = False,
    checkpoint_every: Annotated[
        int | None,
        typer.Option(min=1, help="Steps between checkpoints. [10 minutes, and every epoch's end]"),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            help="one_device, mirrored (all GPUs), multi_worker (reads TF_CONFIG) or tpu. The "
            "batch size is that of all devices together."
        ),
    ] = None,
):
    """Train an encoder from a recipe into a run folder."""
    quiet_start()
    from keras_center_ssl import runs
    from keras_center_ssl.callbacks import TrainingProgress
    from keras_center_ssl.engine import strategies, workers
    from keras_center_ssl.runs.recipe import load_recipe

    devices = strategy and strategies.open_strategy(strategy)
    # Of several workers, the first one talks.
    console.quiet = not workers.is_chief(devices)
    loaded = load_recipe(recipe, settings or ())
    out = out or pathlib.Path("runs") / loaded.name
    done = resume and runs.is_finished(out)
    if not done:
        console.print(f"Training {loaded.name} ({loaded.method.name}) into {out}", highlight=False)
        if devices:
            console.print(f"{strategy}: {strategies.describe(devices)}", highlight=False)
    progress = TrainingProgress(console)
    _show_own_warnings()
    try:
        run = runs.train(
            loaded,
            out,
            callbacks=[progress],
            resume=resume,
            checkpoint_every=checkpoint_every,
            say=lambda text: console.print(text, markup=False, highlight=False),
            strategy=devices,
        )
    except (TrainingStopped, DivergenceError) as stop:
        progress.close()
        _explain(stop, runs.resumes_from(out))
        raise typer.Exit(128 + stop.signal if getattr(stop, "signal", None) else 1) from None
    finally:
        progress.close()
    if done or run is None:
        return
    training = run.metrics["training"]
    console.print(
        f"{training['steps']} steps in {training['seconds']:.0f} s, "
        f"{training['images_per_second']:.0f} images/s. Next: center-ssl evaluate {out}",
        highlight=False,
    )


def _explain(stop, checkpoint):
    """Why a training ended early, and how to go on."""
    errors = Console(stderr=True, soft_wrap=True)
    by_signal = getattr(stop, "signal", None)
    text = str(stop) if by_signal else f"Error: {stop}"
    errors.print(text, style="yellow" if by_signal else "red", markup=False, highlight=False)
    if checkpoint is None:
        return
    words = sys.argv[1:]
    command = shlex.join(["center-ssl", *words, *(() if "--resume" in words else ("--resume",))])
    if isinstance(stop, DivergenceError):
        advice = (
            f"The last good checkpoint is kept: {checkpoint}. Going on from it with the same "
            "recipe would come to the same step."
        )
    elif by_signal:
        advice = f"To go on: {command}"
    else:
        advice = f"When that is mended, go on with: {command}"
    errors.print(advice, markup=False, highlight=False)


def _show_own_warnings():
    """A collapse or a damaged checkpoint is said in its own words, not as a line of code."""
    show = warnings.showwarning

    def shown(message, category, *args, **kwargs):
        if issubclass(category, (CollapseWarning, CheckpointWarning)):
            console.print(str(message), style="yellow", markup=False, highlight=False)
        else:
            show(message, category, *args, **kwargs)

    warnings.showwarning = shown


@app.command()
def evaluate(run: RunFolder):
    """Measure a run: k-NN accuracy and a collapse report on held-out images."""
    quiet_start()
    from keras_center_ssl import runs

    finished = runs.Run(run)
    metrics = runs.evaluate(finished, progress=lambda text: console.print(text, highlight=False))
    print_metrics(metrics)
    console.print(f"Pictures and all figures: {run / 'report.html'}", highlight=False)


@app.command()
def diagnose(
    path: Annotated[pathlib.Path, typer.Argument(help="Embeddings (.npy, .npz), or a run folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    report: Annotated[
        pathlib.Path | None,
        typer.Option(help="An HTML page to write, with pictures. For a run see its report.html."),
    ] = None,
    plots: Annotated[
        pathlib.Path | None, typer.Option(help="A folder to write the pictures into, as PNG.")
    ] = None,
):
    """Say whether embeddings are healthy or collapsed, and why."""
    if path.is_dir():
        if report or plots:
            raise InputError(
                "--report and --plots are for files of embeddings. A run has both: center-ssl "
                f"evaluate {path} writes {path / 'report.html'} and {path / 'plots'}."
            )
        reports = _diagnose_run(path)
    elif report or plots:
        from keras_center_ssl.reports.page import diagnose_file

        reports = [diagnose_file(path, report, plots)]
    else:
        from keras_center_ssl import diagnosis

        reports = [diagnosis.diagnose_file(path)]
    for found in reports:
        console.print(
            found.to_json() if as_json else str(found) + "\n", markup=False, highlight=False
        )
    if report and not as_json:
        console.print(f"Report with pictures: {report}", markup=False, highlight=False)
    if plots and not as_json:
        console.print(f"Pictures: {plots}", markup=False, highlight=False)


def _diagnose_run(path):
    quiet_start()
    from keras_center_ssl import diagnosis, runs

    run = runs.Run(path)
    model = run.load_model()
    images = run.recipe.data.open("test")
    pairs = runs.view_embeddings(model, run.recipe, images)
    return [diagnosis.diagnose(*pair, name=name) for name, pair in pairs.items()]


@app.command()
def embed(
    encoder: Annotated[pathlib.Path, typer.Argument(help="An encoder.keras, or a run folder.")],
    source: Annotated[str, typer.Option("--data", help="Images: fashion_mnist, digits, ...")],
    out: Annotated[pathlib.Path, typer.Option(help="The .npz to write: features and labels.")],
    split: Annotated[str, typer.Option(help="train or test.")] = "test",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing file.")
    ] = False,
):
    """Write the features of a set of images into an .npz file."""
    quiet_start()
    import numpy as np

    from keras_center_ssl import data, evaluation, runs

    if out.suffix != ".npz":
        raise InputError(f"--out is an .npz file; received {str(out)!r}.")
    if out.exists() and not overwrite:
        raise InputError(f"{str(out)!r} exists. Give another name, or add --overwrite.")
    model = runs.Run(encoder).load_model() if encoder.is_dir() else runs.load_model(encoder)
    _, height, width, channels = getattr(model, "encoder", model).input_shape
    images = data.load(source, split, image_size=(height, width), channels=channels)
    content = {"features": evaluation.embed(model, images.images)}
    if images.labels is not None:
        content["labels"] = images.labels
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(out, **content)
    shape = " x ".join(str(n) for n in content["features"].shape)
    console.print(f"{shape} features in {out}", highlight=False)


@app.command()
def export(
    run: RunFolder,
    out: Annotated[pathlib.Path, typer.Option(help="The bundle's folder.")],
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help="keras, saved_model or onnx; all three if left out."),
    ] = None,
    opset: Annotated[int, typer.Option(help="ONNX opset.")] = 17,
):
    """Export a run's encoder as a bundle: Keras, SavedModel, ONNX and a model card."""
    quiet_start()
    from keras_center_ssl import runs
    from keras_center_ssl.runs.publishing import export_run

    finished = runs.Run(run)
    if not finished.metrics.get("collapse"):
        console.print("The run was not evaluated yet: evaluating.", highlight=False)
        runs.evaluate(finished, progress=lambda text: console.print(text, highlight=False))
    bundle, parity = export_run(finished, out, formats, opset=opset)
    for name, result in parity.items():
        console.print(
            f"{name}: largest difference to Keras {result['max_absolute_error']:.2g}",
            highlight=False,
        )
    console.print(f"Bundle in {bundle}; its card: {bundle / 'README.md'}", highlight=False)


@zoo_app.command("list")
def zoo_list(source: Source = None):
    """List the encoders of a zoo."""
    from keras_center_ssl import zoo

    table = Table()
    for title in ("name", "method", "data", "features", "k-NN", "verdict"):
        table.add_column(title)
    for entry in zoo.list_models(source):
        accuracy = "" if entry.knn_accuracy is None else f"{entry.knn_accuracy:.3f}"
        table.add_row(
            entry.name,
            entry.method or "",
            entry.dataset or "",
            str(entry.feature_dim or ""),
            accuracy,
            (entry.verdict or "").replace("_", " "),
        )
    console.print(table)


@zoo_app.command("show")
def zoo_show(name: str, source: Source = None):
    """Print an encoder's model card."""
    from keras_center_ssl import zoo

    console.print(zoo.show(name, source=source), markup=False, highlight=False)


@zoo_app.command("download")
def zoo_download(
    name: str,
    file_format: Annotated[
        str, typer.Option("--format", help="onnx, keras, saved_model or all.")
    ] = "all",
    source: Source = None,
    cache_dir: Cache = None,
):
    """Download an encoder, check its hash, and print where it is."""
    from keras_center_ssl import zoo

    path = zoo.download(name, format=file_format, source=source, cache_dir=cache_dir)
    console.print(str(path), markup=False, highlight=False)


@zoo_app.command("verify")
def zoo_verify(name: Annotated[str | None, typer.Argument()] = None, source: Source = None):
    """Check every file of a zoo, or of one encoder, against the index."""
    from keras_center_ssl import zoo

    problems = zoo.verify(name, source=source)
    for entry, found in problems.items():
        for problem in found:
            console.print(f"{entry}: {problem}", markup=False, highlight=False)
    if any(problems.values()):
        raise typer.Exit(1)
    console.print(f"{len(problems)} encoder(s) match the index.", highlight=False)


@zoo_app.command("publish")
def zoo_publish(
    bundle: Annotated[pathlib.Path, typer.Argument(help="An export bundle.")],
    zoo_folder: Annotated[pathlib.Path, typer.Option("--zoo", help="The zoo's folder.")],
    name: Annotated[str | None, typer.Option(help="Name of the entry.")] = None,
):
    """Add an export bundle to a zoo folder."""
    from keras_center_ssl import zoo

    entry = zoo.publish(bundle, zoo_folder, name=name)
    console.print(f"Published as {getattr(entry, 'name', entry)} in {zoo_folder}", highlight=False)


def print_metrics(metrics):
    """The table at the end of an evaluation: accuracies, then figures and verdicts."""
    accuracies = metrics.get("knn_accuracy", {})
    if accuracies:
        table = Table(title=f"k-NN accuracy, {metrics['dataset']}", title_justify="left")
        for name in accuracies:
            table.add_column(name.replace("_", " "), justify="right")
        table.add_row(*(f"{value:.3f}" for value in accuracies.values()))
        console.print(table)
    table = Table(title="Collapse, on two views of the test images", title_justify="left")
    columns = {
        "centre norm": "center_norm",
        "between-sample variance": "between_variance",
        "effective rank": "effective_rank",
    }
    for title in ("", *columns, "verdict"):
        table.add_column(title, justify="left" if title in ("", "verdict") else "right")
    for name, report in metrics["collapse"].items():
        figures = report["figures"]
        table.add_row(
            name,
            *(f"{figures[key]:.3f}" for key in columns.values()),
            report["verdict"].replace("_", " "),
        )
    console.print(table)


if __name__ == "__main__":
    main()
