"""`center-ssl compare`."""

import pathlib
from typing import Annotated

import typer

from keras_center_ssl.cli.options import AsJson, print_json
from keras_center_ssl.cli.tables import print_table
from keras_center_ssl.cli.terminal import console, quiet_start
from keras_center_ssl.files import check_writable


def compare(
    folders: Annotated[
        list[pathlib.Path], typer.Argument(metavar="RUN RUN ...", help="Two or more run folders.")
    ],
    out: Annotated[
        pathlib.Path | None,
        typer.Option(help="An HTML page to write: the table, and curves one over the other."),
    ] = None,
    as_json: AsJson = False,
):
    """Compare runs: accuracies, figures, verdicts, curves, and where their recipes differ.

    Example: center-ssl compare runs/one runs/other --out comparison.html
    """
    if out is not None:
        check_writable(out)
    quiet_start()
    from keras_center_ssl.reports.comparison import table_of, write_comparison
    from keras_center_ssl.runs.comparing import compare as compared

    found = compared(folders)
    if out is not None:
        write_comparison(found, out)
    if as_json:
        print_json(found)
        return
    titles, rows = table_of(found)
    print_table(console, titles, rows)
    if found["differences"]:
        names = list(found["runs"])
        rows = [[k, *(_short(v[n]) for n in names)] for k, v in found["differences"].items()]
        print_table(console, ("recipe", *names), rows, "What differs in the recipes")
    if out is not None:
        console.print(f"Page with curves: {out}")


def _short(value):
    return None if value is None else str(value)
