"""`center-ssl diagnose`. For files of embeddings it needs neither Keras nor TensorFlow."""

import pathlib
from typing import Annotated

import typer

from keras_center_ssl.cli.options import print_json
from keras_center_ssl.cli.terminal import console, errors, quiet_start
from keras_center_ssl.errors import InputError, one_of
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
    data_format: Annotated[
        str | None,
        typer.Option(help="Of feature maps in a file: channels_last or channels_first."),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            help="End with exit code 1 on this verdict, for CI: collapse (any of them), "
            "complete_collapse, dimensional_collapse or cluster_collapse. May be given repeatedly."
        ),
    ] = None,
):
    """Say whether embeddings are healthy or collapsed, and why.

    Example: center-ssl diagnose embeddings.npy --fail-on collapse
    """
    failing = _failing_verdicts(fail_on or ())
    if path.is_dir():
        if data_format:
            raise InputError("--data-format is for files of feature maps; a run knows its own.")
        if report or plots:
            raise InputError(
                "--report and --plots are for files of embeddings. A run has both: center-ssl "
                f"evaluate {path} writes {path / 'report.html'} and {path / 'plots'}."
            )
        reports = _diagnose_run(path)
        content = {name: found.to_dict() for name, found in reports.items()}
    else:
        found = _diagnose_file(path, report, plots, data_format)
        reports, content = {found.name: found}, found.to_dict()
    if as_json:
        print_json(content)
    else:
        for found in reports.values():
            console.print(f"{found}\n")
        if report:
            console.print(f"Report with pictures: {report}")
        if plots:
            console.print(f"Pictures: {plots}")
    if any(found.verdict in failing for found in reports.values()):
        raise typer.Exit(1)


def _failing_verdicts(names):
    """The verdicts that `--fail-on` names."""
    from keras_center_ssl.diagnosis import VERDICTS

    collapses = [verdict for verdict in VERDICTS if verdict != "healthy"]
    for name in names:
        if name not in ("collapse", *collapses):
            error = one_of("verdict", name, ("collapse", *collapses))
            raise typer.BadParameter(str(error), param_hint="--fail-on")
    return set(collapses) if "collapse" in names else set(names)


def _diagnose_file(path, report, plots, data_format):
    # Before the work, not after it.
    if report:
        check_writable(report)
    if plots:
        check_writable(plots / "spectrum.png")
    if report or plots:
        from keras_center_ssl.reports.page import diagnose_file

        return diagnose_file(path, report, plots, data_format=data_format)
    from keras_center_ssl import diagnosis

    return diagnosis.diagnose_file(path, data_format=data_format)


def _diagnose_run(path):
    quiet_start()
    from keras_center_ssl import diagnosis, runs

    run = runs.Run(path)
    model = run.load_model()
    images = run.recipe.data.open("test")
    pairs = runs.view_embeddings(model, run.recipe, images)
    # Beside the report: its JSON is for programs.
    runs.note_skipped(run.folder, "test", images.skipped, errors.print)
    return {name: diagnosis.diagnose(*pair, name=name) for name, pair in pairs.items()}
