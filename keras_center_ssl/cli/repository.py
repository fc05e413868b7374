"""`center-ssl repository`."""

import pathlib
from typing import Annotated

import typer

from keras_center_ssl.cli.options import AsJson, print_json
from keras_center_ssl.cli.terminal import console
from keras_center_ssl.export.repositories import SERVERS, model_repository


def repository(
    bundle: Annotated[pathlib.Path, typer.Argument(help="A bundle, or an entry of a zoo.")],
    out: Annotated[pathlib.Path, typer.Option(help="The server's model repository.")],
    server: Annotated[
        str,
        typer.Option(help=f"{' or '.join(SERVERS)}.", autocompletion=lambda: list(SERVERS)),
    ] = "triton",
    format: Annotated[str, typer.Option(help="For Triton: which ONNX file.")] = "onnx",
    version: Annotated[int, typer.Option(help="Servers take the highest.")] = 1,
    max_batch_size: Annotated[int, typer.Option(help="For Triton.")] = 64,
    as_json: AsJson = False,
):
    """Lay a bundle out for a model server: Triton, or TensorFlow Serving.

    Example: center-ssl repository bundle --server triton --out models
    """
    model = model_repository(
        bundle, out, server, format=format, version=version, max_batch_size=max_batch_size
    )
    if as_json:
        print_json({"model": str(model), "version": version})
        return
    files = sorted(p for p in model.rglob("*") if p.is_file())
    for file in files:
        console.print(str(file.relative_to(out)), markup=False)
