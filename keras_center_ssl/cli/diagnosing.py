"""`center-ssl diagnose`. For files of embeddings it needs neither Keras nor TensorFlow."""

import json
import pathlib
from typing import Annotated

import typer

from keras_center_ssl.cli.terminal import console, quiet_start
from keras_center_ssl.errors import InputError
from keras_center_ssl.files import check_writable


def diagnose(
    path: Annotated[pathlib.Path, typer.Argument(help="Embeddings (.npy, .npz), or a run folder.")],
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print JSON: of a file the report, an object; of a run folder an object of "
            "reports, by the names of what is diagnosed (such as projection and features).",
        ),
    ] = False,
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
        content = {name: found.to_dict() for name, found in reports.items()}
    else:
        found = _diagnose_file(path, report, plots)
        reports, content = {found.name: found}, found.to_dict()
    if as_json:
        console.print(json.dumps(content, indent=2, allow_nan=False))
        return
    for found in reports.values():
        console.print(f"{found}\n")
    if report:
        console.print(f"Report with pictures: {report}")
    if plots:
        console.print(f"Pictures: {plots}")


def _diagnose_file(path, report, plots):
    # Before the work, not after it.
    if report:
        check_writable(report)
    if plots:
        check_writable(plots / "spectrum.png")
    if report or plots:
        from keras_center_ssl.reports.page import diagnose_file

        return diagnose_file(path, report, plots)
    from keras_center_ssl import diagnosis

    return diagnosis.diagnose_file(path)


def _diagnose_run(path):
    quiet_start()
    from keras_center_ssl import diagnosis, runs

    run = runs.Run(path)
    model = run.load_model()
    images = run.recipe.data.open("test")
    pairs = runs.view_embeddings(model, run.recipe, images)
    return {name: diagnosis.diagnose(*pair, name=name) for name, pair in pairs.items()}
