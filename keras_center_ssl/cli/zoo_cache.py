"""`center-ssl zoo cache ...`: what was downloaded, and how to be rid of it."""

import dataclasses
import pathlib
import time
from typing import Annotated

import typer

from keras_center_ssl.cli.option_words import Command
from keras_center_ssl.cli.options import AsJson, can_be_quiet, print_json
from keras_center_ssl.cli.tables import print_table
from keras_center_ssl.cli.terminal import console

cache_app = typer.Typer(help="Downloaded encoders.", no_args_is_help=True)

Cache = Annotated[
    pathlib.Path | None,
    typer.Option("--cache-dir", help="Where downloads are kept. [$KERAS_CENTER_SSL_CACHE]"),
]


@cache_app.command("list", cls=Command)
@can_be_quiet
def cache_list(cache_dir: Cache = None, as_json: AsJson = False):
    """List the encoders in the cache, the last used first.

    Example: center-ssl zoo cache list
    """
    from keras_center_ssl import zoo

    _print(zoo.list_cached(cache_dir), as_json)


@cache_app.command("prune", cls=Command)
@can_be_quiet
def cache_prune(
    name: Annotated[str | None, typer.Argument(help="An encoder, of whichever zoo.")] = None,
    older_than: Annotated[
        float | None, typer.Option(help="Days since it was last asked for, at least.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    cache_dir: Cache = None,
    as_json: AsJson = False,
):
    """Remove encoders from the cache; the next download brings them back.

    Example: center-ssl zoo cache prune --older-than 30 --dry-run
    """
    from keras_center_ssl import zoo

    removed = zoo.prune_cache(
        name,
        older_than=older_than,
        everything=everything,
        dry_run=dry_run,
        cache_dir=cache_dir,
    )
    _print(removed, as_json)
    if not as_json:
        size = sum(entry.size for entry in removed) / 1e6
        verb = "Would remove" if dry_run else "Removed"
        console.print(f"{verb} {len(removed)} encoder(s), {size:.1f} MB.")


def _print(entries, as_json):
    if as_json:
        rows = [{**dataclasses.asdict(entry), "path": str(entry.path)} for entry in entries]
        print_json(rows)
        return
    rows = [
        [
            entry.name,
            f"{entry.size / 1e6:.1f} MB",
            f"{entry.unfinished / 1e6:.1f} MB" if entry.unfinished else "",
            time.strftime("%Y-%m-%d", time.localtime(entry.used)),
            entry.zoo,
        ]
        for entry in entries
    ]
    print_table(console, ("name", "size", "unfinished", "last used", "zoo"), rows)
