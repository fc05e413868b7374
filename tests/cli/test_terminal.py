"""What the command line does with foreign text, refusing systems, closed pipes and Ctrl-C."""

import contextlib
import errno
import hashlib
import io
import json
import os
import pty
import signal
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from keras_center_ssl import cli
from keras_center_ssl.cli.terminal import Terminal
from keras_center_ssl.errors import InputError

NAMES = ["a-name-that-is-quite-long-quickstart-fashion-mnist", "b"]
FOREIGN = "[/red] [bold]x[/bold] [link=http://x]y :smile: caf\u00e9"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A zoo and embeddings, with brackets in every path and text: `.../[/red] ...` closes a tag."""
    root = tmp_path_factory.mktemp("zoo [") / "red] [b]"
    root.mkdir()
    card = b"# A card\n" + f"{FOREIGN}\n".encode() + b"line\n" * 50_000
    file = {"size": len(card), "sha256": hashlib.sha256(card).hexdigest()}
    entry = {"method": FOREIGN, "dataset": FOREIGN, "verdict": "healthy", "knn_accuracy": 0.5}
    for name in NAMES:
        (root / name).mkdir()
        (root / name / "README.md").write_bytes(card)
    models = {name: {**entry, "files": {"README.md": file}} for name in NAMES}
    (root / "index.json").write_text(json.dumps({"schema_version": 1, "models": models}))
    np.save(root / "z[red].npy", np.random.default_rng(0).normal(size=(100, 8)))
    return root


def command(*arguments):
    return [sys.executable, "-m", "keras_center_ssl.cli", *map(str, arguments)]


def run(*arguments, environment=(), **options):
    done = subprocess.run(
        command(*arguments),
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        env={**os.environ, **dict(environment)},
        **options,
    )
    return done.returncode, done.stdout and done.stdout.decode(), done.stderr.decode()


ASCII = {"PYTHONIOENCODING": "ascii"}
C_LOCALE = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.mark.parametrize("environment", [{}, ASCII, C_LOCALE, {"COLUMNS": "40"}])
def test_foreign_text_is_printed_as_it_is(folder, environment, tmp_path):
    code, out, err = run("zoo", "list", "--source", folder, environment=environment)
    assert (code, err) == (0, "")
    shown = FOREIGN if "COLUMNS" in environment or not environment else FOREIGN[:-1] + "\\xe9"
    assert out.count(shown) == 4, out
    assert all(name in out for name in NAMES)
    if environment != ASCII:  # one is enough for the others, each of which is a process
        return
    cache = ("--source", folder)
    environment = {**environment, "KERAS_CENTER_SSL_CACHE": str(tmp_path)}
    code, out, err = run("zoo", "show", "b", *cache, environment=environment)
    assert (code, err) == (0, "") and shown in out
    code, out, err = run("diagnose", folder / "z[red].npy", environment=environment)
    assert (code, err) == (0, "") and "Collapse report of z[red].npy: healthy" in out
    code, out, err = run("zoo", "show", "[/]", *cache, environment=environment)
    assert code == 1 and err.startswith("Error: ") and "'[/]'" in err and "Traceback" not in err


@pytest.mark.parametrize("columns", [40, 80])
def test_names_can_be_copied_from_a_narrow_terminal(folder, columns):
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm"}
    with subprocess.Popen(
        command("zoo", "list", "--source", folder), stdout=theirs, env=environment
    ) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while part := os.read(ours, 4096):
                shown += part
    os.close(ours)
    assert process.returncode == 0
    assert all(name.encode() in shown for name in NAMES), shown


@pytest.mark.parametrize("arguments", [("zoo", "show", "b"), ("zoo", "list"), ("--help",)])
def test_a_closed_pipe_ends_it_without_a_word(folder, arguments, tmp_path):
    source = ("--source", folder) if arguments[0] == "zoo" else ()
    read, write = os.pipe()
    os.close(read)
    environment = {"KERAS_CENTER_SSL_CACHE": str(tmp_path)}
    code, _, err = run(*arguments, *source, stdout=write, environment=environment)
    os.close(write)
    assert (code, err) == (1 if arguments == ("--help",) else 128 + signal.SIGPIPE, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
@pytest.mark.parametrize("arguments", [("zoo", "list"), ("--help",), ("--version",)])
def test_an_output_that_is_full_is_an_error_in_words(folder, arguments):
    source = ("--source", folder) if arguments[0] == "zoo" else ()
    with open("/dev/full", "wb") as full:
        code, _, err = run(*arguments, *source, stdout=full)
    assert code == 1 and err.count("\n") == 1, err
    assert err.startswith("Error: ") and "No space left on device" in err


def test_a_training_outlives_its_reader(capsys):
    with open("/dev/full", "w", buffering=1) as full:
        console = Terminal(file=full)
        console.outlives_reader = True
        console.print("an epoch")
        console.print("another")
    assert capsys.readouterr().err.count("going on without it") == 1


def test_ctrl_c_ends_an_import_at_once():
    program = (
        "import os, signal, sys, time, types\n"
        "from keras_center_ssl import cli\n"
        "engine = types.ModuleType('keras_center_ssl.engine')\n"
        "def has_accelerator():\n"
        "    os.write(2, b'a banner')\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(30)\n"
        "engine.has_accelerator = has_accelerator\n"
        "sys.modules['keras_center_ssl.engine'] = engine\n"
        "import keras_center_ssl\n"
        "keras_center_ssl.engine = engine\n"
        "cli.main(cli.quiet_start)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_is_not_lost_where_python_swallows_it():
    program = (
        "import time\n"
        "from keras_center_ssl import cli\n"
        "class Freed:\n"
        "    def __del__(self):\n"
        "        raise KeyboardInterrupt\n"
        "def command():\n"
        "    Freed()\n"
        "    for _ in range(3000):\n"
        "        time.sleep(0.01)\n"
        "cli.main(command)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def fail_with(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    "error, code, words",
    [
        (KeyboardInterrupt(), 130, ""),
        (InputError("[/] is wrong"), 1, "Error: [/] is wrong\n"),
        (PermissionError(errno.EACCES, "Permission denied", "[x]"), 1, "'[x]': Permission denied"),
        (RuntimeError("HDF5: No space left on device"), 1, "There is no room left"),
        (SystemExit(3), 3, ""),
    ],
)
def test_what_ends_a_command(error, code, words, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(fail_with(error))
    assert stop.value.code == code
    err = capsys.readouterr().err
    assert words in err and err.count("\n") == bool(words)


def test_faults_of_our_own_are_not_hidden():
    with pytest.raises(ZeroDivisionError):
        cli.main(fail_with(ZeroDivisionError()))


@pytest.mark.parametrize("option", ["--report", "--plots"])
def test_what_cannot_be_written_is_said_before_the_work(folder, option, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    places = [tmp_path / "file" / "x", "/dev/full" if option == "--report" else tmp_path / "file"]
    places += [tmp_path / "folder"] if option == "--report" else []
    from keras_center_ssl import diagnosis

    monkeypatch.setattr(diagnosis, "diagnose_file", lambda path: pytest.fail("too late"))
    for place in places:
        arguments = ["diagnose", str(folder / "z[red].npy"), option, str(place)]
        assert isinstance(CliRunner().invoke(cli.app, arguments).exception, OSError)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["objects.npy", "pickle.npy", "pickle.npz"])
def test_nobody_is_told_to_load_files_unsafely(name, tmp_path):
    if name == "objects.npy":
        np.save(tmp_path / name, np.array([{}], dtype=object), allow_pickle=True)
    else:
        (tmp_path / name).write_bytes(b"\x80\x04x.")
    result = CliRunner().invoke(cli.app, ["diagnose", str(tmp_path / name)])
    assert isinstance(result.exception, InputError)
    assert "pickle=" not in str(result.exception) and "unsafe" not in str(result.exception)


def test_styles_are_no_markup():
    file = io.StringIO()
    Terminal(file=file).print(FOREIGN, style="red")
    assert file.getvalue() == f"{FOREIGN}\n"


def test_foreign_text_does_not_steer_the_terminal():
    file = io.StringIO()
    Terminal(file=file).print("a\n\x1b[31mred\x9b1m\x7f")
    assert file.getvalue() == "a\n\\x1b[31mred\\x9b1m\\x7f\n"
