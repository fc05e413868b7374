"""`center-ssl zoo publish`."""

import pathlib
from typing import Annotated

import typer

from keras_center_ssl.cli.terminal import console


def zoo_publish(
    bundle: Annotated[pathlib.Path, typer.Argument(help="An export bundle.")],
    zoo_folder: Annotated[pathlib.Path, typer.Option("--zoo", help="The zoo's folder.")],
    name: Annotated[str | None, typer.Option(help="Name of the entry.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an entry of that name.")
    ] = False,
    accept_unhealthy: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="Publish in spite of a collapse verdict that is not healthy; the card shows why.",
        ),
    ] = None,
    gallery: Annotated[
        str | None,
        typer.Option(
            help="Images for a gallery, a folder, .npy or .npz; `zoo gallery` says more of them."
        ),
    ] = None,
):
    """Add an export bundle to a zoo folder: one with a card, figures and a licence.

    Example: center-ssl zoo publish bundle --zoo my-zoo
    """
    from keras_center_ssl import zoo

    entry = zoo.publish(
        bundle, zoo_folder, name=name, overwrite=overwrite, accept_unhealthy=accept_unhealthy
    )
    if gallery is not None:
        zoo.add_gallery(entry.name, zoo_folder, gallery)
    console.print(f"Published as {entry.name} in {zoo_folder}")
