"""`center-ssl zoo ...`: neither Keras nor TensorFlow is imported."""

import dataclasses
import pathlib
from typing import Annotated

import typer

from keras_center_ssl.cli.options import AsJson, can_be_quiet, print_json
from keras_center_ssl.cli.tables import print_table
from keras_center_ssl.cli.terminal import console, errors
from keras_center_ssl.cli.zoo_pages import zoo_gallery, zoo_site
from keras_center_ssl.export.formats import FORMATS

zoo_app = typer.Typer(help="Pretrained encoders.", no_args_is_help=True)
zoo_app.command("site")(zoo_site)
zoo_app.command("gallery")(zoo_gallery)

Source = Annotated[
    str | None,
    typer.Option(help="A zoo: a folder, http(s)://... or hf://owner/repo. [$KERAS_CENTER_SSL_ZOO]"),
]
Cache = Annotated[
    pathlib.Path | None, typer.Option("--cache-dir", help="Where downloads are kept.")
]
Timeout = Annotated[
    float | None,
    typer.Option(
        help="Seconds without progress (less than 1 KiB/s) after which a transfer ends. "
        "[$KERAS_CENTER_SSL_TIMEOUT, else 30]"
    ),
]


@zoo_app.command("list")
def zoo_list(source: Source = None, as_json: AsJson = False):
    """List the encoders of a zoo.

    Example: center-ssl zoo list --json
    """
    from keras_center_ssl import zoo

    entries = zoo.list_models(source)
    if as_json:
        print_json([dataclasses.asdict(entry) for entry in entries])
        return
    rows = [
        [
            entry.name,
            entry.method,
            entry.dataset,
            entry.feature_dim,
            None if entry.knn_accuracy is None else float(entry.knn_accuracy),
            (entry.verdict or "").replace("_", " "),
        ]
        for entry in entries
    ]
    print_table(console, ("name", "method", "data", "features", "k-NN", "verdict"), rows)


@zoo_app.command("show")
def zoo_show(name: str, source: Source = None):
    """Print an encoder's model card.

    Example: center-ssl zoo show quickstart-fashion-mnist
    """
    from keras_center_ssl import zoo

    console.result(zoo.show(name, source=source))


@zoo_app.command("download")
def zoo_download(
    name: str,
    file_format: Annotated[
        str,
        typer.Option(
            "--format",
            help=f"{', '.join(FORMATS)} or all.",
            autocompletion=lambda: [*FORMATS, "all"],
        ),
    ] = "all",
    source: Source = None,
    cache_dir: Cache = None,
    timeout: Timeout = None,
):
    """Download an encoder, check its hash, and print where it is.

    Example: center-ssl zoo download quickstart-fashion-mnist --format onnx
    """
    from keras_center_ssl import zoo
    from keras_center_ssl.cli.transfers import TransferProgress

    with TransferProgress(errors) as shown:
        path = zoo.download(
            name,
            format=file_format,
            source=source,
            cache_dir=cache_dir,
            progress=shown.report,
            timeout=timeout,
        )
    console.result(str(path))


@zoo_app.command("verify")
@can_be_quiet
def zoo_verify(
    name: Annotated[str | None, typer.Argument()] = None,
    source: Source = None,
    timeout: Timeout = None,
    as_json: AsJson = False,
):
    """Check every file of a zoo, or of one encoder, against the index.

    Example: center-ssl zoo verify --source zoo
    """
    from keras_center_ssl import zoo
    from keras_center_ssl.cli.transfers import TransferProgress

    with TransferProgress(errors, "Reading") as shown:
        problems = zoo.verify(name, source=source, progress=shown.report, timeout=timeout)
    if as_json:
        print_json({entry: list(found) for entry, found in problems.items()})
    for entry, found in () if as_json else problems.items():
        for problem in found:
            console.print(f"{entry}: {problem}")
    if any(problems.values()):
        raise typer.Exit(1)
    if not as_json:
        console.print(f"{len(problems)} encoder(s) match the index.")


@zoo_app.command("publish")
@can_be_quiet
def zoo_publish(
    bundle: Annotated[pathlib.Path, typer.Argument(help="An export bundle.")],
    zoo_folder: Annotated[pathlib.Path, typer.Option("--zoo", help="The zoo's folder.")],
    name: Annotated[str | None, typer.Option(help="Name of the entry.")] = None,
):
    """Add an export bundle to a zoo folder.

    Example: center-ssl zoo publish bundle --zoo my-zoo
    """
    from keras_center_ssl import zoo

    entry = zoo.publish(bundle, zoo_folder, name=name)
    console.print(f"Published as {getattr(entry, 'name', entry)} in {zoo_folder}")
