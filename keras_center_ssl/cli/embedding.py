"""`center-ssl embed`."""

import pathlib
from typing import Annotated

import typer

from keras_center_ssl.cli.terminal import console, quiet_start
from keras_center_ssl.errors import InputError
from keras_center_ssl.files import atomic_file, check_writable


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
    if out.suffix != ".npz":
        raise InputError(f"--out is an .npz file; received {str(out)!r}.")
    if out.exists() and not overwrite:
        raise InputError(f"{str(out)!r} exists. Give another name, or add --overwrite.")
    # Before the work, not after it.
    check_writable(out)
    quiet_start()
    import numpy as np

    from keras_center_ssl import data, evaluation, runs

    model = runs.Run(encoder).load_model() if encoder.is_dir() else runs.load_model(encoder)
    _, height, width, channels = getattr(model, "encoder", model).input_shape
    images = data.load(source, split, image_size=(height, width), channels=channels)
    content = {"features": evaluation.embed(model, images.images)}
    if images.labels is not None:
        content["labels"] = images.labels
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(out) as file:
        np.savez(file, **content)
    shape = " x ".join(str(n) for n in content["features"].shape)
    console.print(f"{shape} features in {out}")
