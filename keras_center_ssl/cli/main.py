"""The command `center-ssl`. Commands import what they need when they run, so that help is quick."""

import os
import signal
import sys
from typing import Annotated

import typer

from keras_center_ssl._version import __version__
from keras_center_ssl.cli.comparing import compare
from keras_center_ssl.cli.diagnosing import diagnose
from keras_center_ssl.cli.doctor import doctor
from keras_center_ssl.cli.embedding import embed
from keras_center_ssl.cli.evaluating import evaluate
from keras_center_ssl.cli.experimenting import experiment_app
from keras_center_ssl.cli.exporting import export
from keras_center_ssl.cli.neighbours import neighbours
from keras_center_ssl.cli.option_words import Command
from keras_center_ssl.cli.options import can_be_quiet
from keras_center_ssl.cli.repository import repository
from keras_center_ssl.cli.serving import serve
from keras_center_ssl.cli.terminal import (
    accept_all_signs,
    console,
    errors,
    flush,
    keep_interrupts,
    mute,
)
from keras_center_ssl.cli.training import train
from keras_center_ssl.cli.zoo import zoo_app
from keras_center_ssl.errors import InputError
from keras_center_ssl.files import in_words, is_disk_full

app = typer.Typer(
    name="center-ssl",
    help="Self-supervised learning in Keras, with collapse as a measured quantity.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _command in (
    *(train, evaluate, compare, diagnose, embed, neighbours),
    *(export, repository, serve, doctor),
):
    app.command(cls=Command)(can_be_quiet(_command))
app.add_typer(zoo_app, name="zoo")
app.add_typer(experiment_app, name="experiment")


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False):
    if version:
        console.print(__version__)
        raise typer.Exit()


def main(command=app):
    """Runs a command: one paragraph and exit code 1 for what a person can mend.

    That is bad input and what the system refuses: no room, no permission, a folder for a file.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    accept_all_signs()
    keep_interrupts()
    code = _guarded(command)
    sys.exit(_guarded(flush) or code)


def _guarded(command):
    """Runs `command`; returns the exit code."""
    try:
        command()
    except SystemExit as stop:
        return stop.code or 0
    except InputError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except OSError as error:
        return _fail(in_words(error))
    except Exception as error:
        if is_disk_full(error):
            return _fail(in_words(error))
        raise
    return 0


def _fail(text):
    try:
        errors.print(f"Error: {text}", style="red")
    except OSError:
        mute(sys.stderr)
    return 1


if __name__ == "__main__":
    main()
