"""`center-ssl export`."""

import pathlib
from typing import Annotated

import typer

from keras_center_ssl.cli.evaluating import RunFolder
from keras_center_ssl.cli.options import AsJson, print_json
from keras_center_ssl.cli.terminal import console, errors, quiet_start
from keras_center_ssl.export.formats import FORMATS, default_formats


def export(
    run: RunFolder,
    out: Annotated[pathlib.Path, typer.Option(help="The bundle's folder.")],
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help=f"One of {', '.join(FORMATS)}; may be given more than once. If left out: "
            f"{', '.join(default_formats())}.",
            autocompletion=lambda: list(FORMATS),
        ),
    ] = None,
    opset: Annotated[int, typer.Option(help="ONNX opset.")] = 17,
    heads: Annotated[
        bool, typer.Option("--heads", help="Export the projector, too, as files of its own.")
    ] = False,
    as_json: AsJson = False,
):
    """Export a run's encoder as a bundle: its files, its figures and a model card.

    Example: center-ssl export runs/first --out bundle --format onnx
    """
    quiet_start()
    from keras_center_ssl import runs
    from keras_center_ssl.runs.publishing import export_run

    # Beside the JSON: that is for programs.
    said = errors if as_json and not console.quiet else console
    finished = runs.Run(run)
    if not finished.metrics.get("collapse"):
        said.print("The run was not evaluated yet: evaluating.")
        runs.evaluate(finished, progress=said.print)
    bundle, parity = export_run(finished, out, formats, opset=opset, heads=heads, say=said.print)
    if as_json:
        print_json({"bundle": str(bundle), "parity": parity})
        return
    for name, result in parity.items():
        if "centered_cosine" in result:
            compared = f"centred cosine to Keras {result['centered_cosine']:.4f}"
        else:
            compared = f"largest difference to Keras {result['max_absolute_error']:.2g}"
        console.print(f"{name}: {compared}")
    console.print(f"Bundle in {bundle}; its card: {bundle / 'README.md'}")
