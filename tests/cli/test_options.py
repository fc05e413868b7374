"""What all commands share: an example, `--quiet`, `--json`, completion, plain terminals."""

import contextlib
import json
import os
import pty
import shlex
import subprocess
import sys

import click
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from keras_center_ssl import cli

ROOT = typer.main.get_command(cli.app)
# Commands whose whole output is what was asked for, which is printed as it is.
RESULTS_ONLY = {"zoo list", "zoo show", "zoo download"} | {
    f"experiment {verb}" for verb in ("list", "show", "run")
}
# Commands that report no figures.
NO_JSON = {"zoo publish", "zoo gallery", "zoo site", "serve"} | {
    f"experiment {verb}" for verb in ("list", "show", "run")
}


def all_commands(group=ROOT, before=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from all_commands(command, (*before, name))
        else:
            yield " ".join((*before, name)), command


COMMANDS = dict(all_commands())


def options(command):
    return {option for parameter in command.params for option in parameter.opts}


def invoke(*arguments):
    return CliRunner().invoke(cli.app, list(map(str, arguments)))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_can_be_typed(name):
    command = COMMANDS[name]
    _, found, example = command.help.partition("Example: ")
    assert found, f"{name} has no example"
    program, *words = shlex.split(example.strip())
    assert program == "center-ssl" and words[: len(name.split())] == name.split()
    # Parsed as it would be, and not run.
    command.make_context(name, words[len(name.split()) :])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_reports_has_json_and_can_be_quiet(name):
    found = options(COMMANDS[name])
    assert name in RESULTS_ONLY or "--quiet" in found
    assert "--json" in found or name in NO_JSON


@pytest.fixture
def embeddings(tmp_path):
    np.save(tmp_path / "z.npy", np.random.default_rng(0).normal(size=(100, 8)))
    return tmp_path / "z.npy"


def test_quiet_leaves_errors_json_and_the_exit_code(embeddings):
    assert "healthy" in invoke("diagnose", embeddings).stdout
    quiet = invoke("diagnose", embeddings, "--quiet")
    assert (quiet.exit_code, quiet.stdout) == (0, "")
    both = invoke("diagnose", embeddings, "--quiet", "--json")
    assert json.loads(both.stdout)["verdict"] == "healthy"
    np.save(embeddings, np.ones((50, 4)))
    failed = invoke("diagnose", embeddings, "-q", "--fail-on", "collapse")
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert "healthy" not in invoke("diagnose", embeddings).stdout, "the next command talks again"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell):
    environment = {**os.environ, "_CENTER_SSL_COMPLETE": f"source_{shell}"}
    program = "import sys; sys.argv = ['center-ssl']; from keras_center_ssl import cli; cli.main()"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0 and "center-ssl" in done.stdout and done.stderr == ""


def test_formats_are_completed():
    parameter = next(p for p in COMMANDS["export"].params if p.name == "formats")
    context = click.Context(COMMANDS["export"])
    found = [item.value for item in parameter.shell_complete(context, "o")]
    assert "onnx" in [str(value) for value in found]


def shown(environment):
    """What an error looks like on a terminal."""
    ours, theirs = pty.openpty()
    inherited = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    environment = {**inherited, "TERM": "xterm", **environment}
    command = [sys.executable, "-m", "keras_center_ssl.cli", "diagnose", "missing.npy"]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        text = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while part := os.read(ours, 4096):
                text += part
    os.close(ours)
    assert process.returncode == 1
    return text


def test_colours_are_for_those_who_want_them():
    assert b"\x1b[31m" in shown({})
    assert b"\x1b[31m" not in shown({"NO_COLOR": "1"})
    assert b"\x1b" not in shown({"TERM": "dumb"})
