"""Options that several commands share: `--json` and `--quiet`."""

import functools
import inspect
import json
from typing import Annotated, get_type_hints

import typer

from keras_center_ssl.cli.terminal import console

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print errors only, and what --json prints.")
]


def can_be_quiet(command):
    """Gives a command the option `--quiet`: what it prints to the console is left out."""

    @functools.wraps(command)
    def call(*arguments, quiet=False, **options):
        before = console.quiet
        console.quiet = before or quiet
        try:
            return command(*arguments, **options)
        finally:
            console.quiet = before

    signature = inspect.signature(command)
    own = inspect.Parameter(
        "quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Quiet
    )
    call.__signature__ = signature.replace(parameters=[*signature.parameters.values(), own])
    call.__annotations__ = {**get_type_hints(command, include_extras=True), "quiet": Quiet}
    return call


def print_json(content):
    """Prints a result for programs, where the command is quiet, too."""
    console.result(json.dumps(content, indent=2, allow_nan=False, default=str))
