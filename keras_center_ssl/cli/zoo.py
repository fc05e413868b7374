"""`center-ssl zoo ...`: neither Keras nor TensorFlow is imported."""

import dataclasses
import os
import pathlib
from typing import Annotated

import typer

from keras_center_ssl.cli.option_words import Command
from keras_center_ssl.cli.options import AsJson, can_be_quiet, print_json
from keras_center_ssl.cli.tables import print_table
from keras_center_ssl.cli.terminal import console, errors
from keras_center_ssl.cli.zoo_cache import Cache, cache_app
from keras_center_ssl.cli.zoo_pages import zoo_gallery, zoo_site
from keras_center_ssl.cli.zoo_publishing import zoo_publish
from keras_center_ssl.export.formats import FORMATS

zoo_app = typer.Typer(help="Pretrained encoders.", no_args_is_help=True)
zoo_app.add_typer(cache_app, name="cache")
zoo_app.command("publish", cls=Command)(can_be_quiet(zoo_publish))
zoo_app.command("gallery", cls=Command)(can_be_quiet(zoo_gallery))
zoo_app.command("site", cls=Command)(can_be_quiet(zoo_site))

Source = Annotated[
    str | None,
    typer.Option(help="A zoo: a folder, http(s)://... or hf://owner/repo. [$KERAS_CENTER_SSL_ZOO]"),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        help="Seconds without progress (less than 1 KiB/s) after which a transfer ends. "
        "[$KERAS_CENTER_SSL_TIMEOUT, else 30]"
    ),
]
IndexSha256 = Annotated[
    str | None,
    typer.Option(
        "--index-sha256",
        help="SHA-256 that the zoo's index has to have, as `zoo verify` prints it.",
    ),
]


def _be_offline(value: bool):
    if value:
        # Where the library looks, too.
        os.environ["KERAS_CENTER_SSL_OFFLINE"] = "1"


Offline = Annotated[
    bool,
    typer.Option(
        "--offline",
        callback=_be_offline,
        help="Use what the cache has, and no network. [$KERAS_CENTER_SSL_OFFLINE]",
    ),
]


@zoo_app.command("list", cls=Command)
def zoo_list(
    source: Source = None,
    as_json: AsJson = False,
    timeout: Timeout = None,
    index_sha256: IndexSha256 = None,
    offline: Offline = False,
):
    """List the encoders of a zoo.

    Example: center-ssl zoo list --json
    """
    from keras_center_ssl import zoo

    entries = zoo.list_models(source, timeout, index_sha256)
    if as_json:
        print_json([_as_dict(entry) for entry in entries])
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


def _as_dict(entry):
    return {**dataclasses.asdict(entry), "formats": entry.formats, "size": entry.size}


@zoo_app.command("show", cls=Command)
def zoo_show(
    name: str,
    source: Source = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print its entry in the index, as JSON.")
    ] = False,
    cache_dir: Cache = None,
    timeout: Timeout = None,
    index_sha256: IndexSha256 = None,
    offline: Offline = False,
):
    """Print an encoder's model card.

    Example: center-ssl zoo show quickstart-fashion-mnist
    """
    from keras_center_ssl import zoo
    from keras_center_ssl.zoo.sources import find, open_zoo

    if as_json:
        entry = find(open_zoo(source, timeout, index_sha256, cache_dir), name)
        print_json(_as_dict(entry))
        return
    console.result(zoo.show(name, source, cache_dir, timeout, index_sha256))


@zoo_app.command("download", cls=Command)
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
    out: Annotated[
        pathlib.Path | None, typer.Option(help="A folder that gets a copy of the files.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace other files of these names in --out.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the path with the entry, as JSON.")
    ] = False,
    cache_dir: Cache = None,
    timeout: Timeout = None,
    index_sha256: IndexSha256 = None,
    offline: Offline = False,
):
    """Download an encoder, check its hash, and print where it is.

    Example: center-ssl zoo download quickstart-fashion-mnist --format onnx
    """
    from keras_center_ssl import zoo
    from keras_center_ssl.cli.transfers import TransferProgress
    from keras_center_ssl.zoo.sources import find, open_zoo

    with TransferProgress(errors) as shown:
        path = zoo.download(
            name,
            format=file_format,
            source=source,
            cache_dir=cache_dir,
            progress=shown.report,
            timeout=timeout,
            index_sha256=index_sha256,
            out=out,
            overwrite=overwrite,
        )
    if as_json:
        entry = find(open_zoo(source, timeout, index_sha256, cache_dir), name)
        print_json({"path": str(path), **_as_dict(entry)})
        return
    console.result(str(path))


@zoo_app.command("verify", cls=Command)
@can_be_quiet
def zoo_verify(
    name: Annotated[str | None, typer.Argument()] = None,
    source: Source = None,
    as_json: AsJson = False,
    timeout: Timeout = None,
    index_sha256: IndexSha256 = None,
):
    """Check every file of a zoo, or of one encoder, against the index.

    Example: center-ssl zoo verify --source zoo
    """
    from keras_center_ssl import zoo
    from keras_center_ssl.cli.transfers import TransferProgress

    # The index that is told is the one that the files are held against.
    digest = index_sha256 or zoo.index_sha256(source, timeout)
    with TransferProgress(errors, "Reading") as shown:
        problems = zoo.verify(name, source, shown.report, timeout, digest)
    if as_json:
        print_json({"index_sha256": digest, "problems": problems})
    else:
        for entry, found in problems.items():
            for problem in found:
                console.print(f"{entry}: {problem}")
    if any(problems.values()):
        raise typer.Exit(1)
    if not as_json:
        console.print(f"{len(problems)} encoder(s) match the index, whose SHA-256 is {digest}.")
