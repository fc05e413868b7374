"""Every Python block and every command of the pages runs, on small data.

One process runs them all: Python blocks with one namespace a page, `center-ssl` through its own
application, in one folder a page. What is put in place of the real thing stands below, and nowhere
else. Commands with variables before them start processes of their own and are `slow`.
"""

import configparser
import os
import pathlib
import re
import shlex
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from keras_center_ssl import cli
from keras_center_ssl.runs import choosing
from tests.helpers.image_folders import good_and_broken
from tests.helpers.snippets import Block, blocks, commands

ROOT = pathlib.Path(__file__).parents[2]
# The client's page is run by tests/export/test_client_onnxruntime_python.py; zoo/ holds cards.
PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "training/**/README.md")
    for path in ROOT.glob(pattern)
)

# Data: the first images of the size, not the thousands. Applied to every page.
SMALL = 160
# Texts that are put in place of others, so that a block ends in seconds.
SHORTER = {
    "epochs=100": "epochs=1",
    "resnet18(": "resnet_small(",
    ', stem="small"': "",
    "batch_size=1024": "batch_size=64",
    "batch_size=256": "batch_size=64",
}
# What is added to every `center-ssl train`, and to those that start processes of their own.
SMALLER = "--set epochs=1 --set batch_size=64 --set encoder.width=4 --set method.hidden_dim=32"
SMALLER_IN_PROCESSES = f"{SMALLER} --set data.source=digits --set encoder.grid=2"
# Blocks that speak of "your embeddings" or "your model" find these names.
GIVEN = """
import keras, keras_center_ssl as kcs, numpy as np
z1, z2 = np.random.default_rng(0).standard_normal((2, 128, 16))
f1, f2 = np.random.default_rng(1).standard_normal((2, 128, 16))
images = np.random.default_rng(2).random((4, 28, 28))
"""
# Pages whose commands train what README's do, too: `slow`.
TRAINS = tuple(
    f"docs/{n}.md" for n in ("adding-a-method", "evaluation", "reproducibility", "scaling")
)
# Left out for a reason that stands in the page. A new one changes this number, and is argued for.
NOT_RUN = 11


def page_blocks(kind, *, run=True, jax=None):
    return [
        pytest.param(page, block, id=f"{page}:{block.line}", marks=marks_of(page, kind))
        for page in PAGES
        for block in blocks((ROOT / page).read_text(encoding="utf-8"))
        if block.kind == kind and (block.not_run is None) == run
        if jax is None or block.on_jax == jax
    ]


def marks_of(page, kind):
    return [pytest.mark.slow] if kind == "commands" and page in TRAINS else []


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder for each page: the checkout's training/ and zoo/, embeddings, an encoder, images."""
    made = {}

    def folder(page):
        if page not in made:
            made[page] = tmp_path_factory.mktemp("page")
            for name in ("training", "zoo", "docs", "Makefile"):
                (made[page] / name).symlink_to(ROOT / name)
            rng = np.random.default_rng(0)
            np.save(made[page] / "embeddings.npy", rng.normal(size=(128, 16)))
            published = ROOT / "zoo" / "quickstart-fashion-mnist" / "encoder.onnx"
            (made[page] / "encoder.onnx").symlink_to(published)
            good_and_broken(made[page] / "photographs")
            good_and_broken(made[page] / "pictures", count=128)  # enough to train on
        return made[page]

    return folder


@pytest.fixture(scope="module")
def namespaces():
    return {}


@pytest.fixture
def small_data(monkeypatch, tmp_path_factory):
    """`keras.datasets` with few images of the right shape, and no cache of the user's."""

    def loader(*shape):
        def load_data():
            rng = np.random.default_rng(0)
            # Ten patterns and some noise, so that there is something to learn.
            patterns = rng.integers(0, 255, (10, *shape))
            labels = rng.integers(0, 10, 2 * SMALL)
            images = np.clip(patterns[labels] + rng.normal(0, 25, (2 * SMALL, *shape)), 0, 255)
            images = images.astype("uint8")
            return (images[:SMALL], labels[:SMALL]), (images[SMALL:], labels[SMALL:])

        return load_data

    for name, shape in {"fashion_mnist": (28, 28), "cifar10": (32, 32, 3)}.items():
        monkeypatch.setattr(getattr(keras.datasets, name), "load_data", loader(*shape))
    # A training without a recipe: nothing is timed for it, which tests/runs/test_choosing.py does.
    monkeypatch.setattr(choosing, "measure", lambda recipe, seconds: (1000.0, 1.0))
    monkeypatch.setenv("KERAS_CENTER_SSL_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("KERAS_CENTER_SSL_ZOO", raising=False)


def shorter(text):
    for long, short in SHORTER.items():
        text = text.replace(long, short)
    return text


@pytest.mark.tensorflow
@pytest.mark.parametrize("page, block", page_blocks("python", jax=False))
def test_python(page, block, folders, namespaces, small_data, monkeypatch):
    monkeypatch.chdir(folders(page))
    if page not in namespaces:
        namespaces[page] = {}
        exec(GIVEN, namespaces[page])
    code = compile("\n" * (block.line - 1) + shorter(block.text), page, "exec")
    exec(code, namespaces[page])


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("page, block", page_blocks("python", jax=True))
def test_python_on_jax(page, block, tmp_path):
    """In a process of its own: the backend, and a distribution, are a process' once and for all."""
    program = f"{GIVEN}\n{shorter(block.text)}".replace('"cifar10"', "np.ones((64, 32, 32, 3))")
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.tensorflow
@pytest.mark.parametrize("page, block", page_blocks("commands"))
def test_commands(page, block, folders, small_data, monkeypatch):
    monkeypatch.chdir(folders(page))
    if needs_processes(block):
        pytest.skip("run by test_commands_in_processes, which is slow")
    for command in commands(block):
        run_command(shorter(command))


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "page, block", [p for p in page_blocks("commands") if re.search(r"^[A-Z_]+=", p.values[1].text)]
)
def test_commands_in_processes(page, block, folders, tmp_path):
    """The whole block in a shell, in which `center-ssl` is this checkout's, on few images."""
    program = tmp_path / "bin" / "center-ssl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m keras_center_ssl.cli "$@"\n')
    program.chmod(0o755)
    text = block.text.replace(".yaml --", f".yaml {SMALLER_IN_PROCESSES} --")
    done = subprocess.run(
        ["bash", "-ec", f"{text}\nwait"],
        cwd=folders(page),
        env={
            **os.environ,
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "KERAS_CENTER_SSL_CACHE": str(tmp_path / "cache"),
        },
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def needs_processes(block):
    return re.search(r"^[A-Z_]+=", block.text) is not None


def run_command(command):
    program, *words = shlex.split(command)
    if program == "center-ssl":
        if words[0] == "train":
            words += shlex.split(SMALLER)
        if words[:2] == ["zoo", "publish"]:
            # What was trained on so little may have collapsed.
            words += ["--accept-unhealthy", "It was trained for a test."]
        assert not cli.app(words, standalone_mode=False), (
            f"{command} ended with another code than 0"
        )
    elif program == "make":
        # That there is such a target, and what it would run: the targets have tests of their own.
        done = subprocess.run(
            ["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
    elif program == "pip":
        check_extras(command)
    else:
        raise AssertionError(f"{program!r} is not known here: say how it is run, or mark the block")


def check_extras(command):
    """`pip install` gets nothing here; the extras that it names have to exist."""
    assert command.startswith("pip install "), command
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    for extras in re.findall(r"\[([\w,-]+)\]", command):
        assert set(extras.split(",")) <= set(setup["options.extras_require"]), command


def test_what_is_left_out_has_a_reason_and_is_counted():
    left_out = page_blocks("python", run=False) + page_blocks("commands", run=False)
    assert len(left_out) == NOT_RUN, [p.id for p in left_out]


def test_the_pages_that_matter_have_blocks():
    found = {p.values[0] for p in page_blocks("python") + page_blocks("commands")}
    assert {"README.md", "CONTRIBUTING.md", "docs/scaling.md"} <= found


def test_finds_blocks():
    text = "\n".join(
        [
            "Text:",
            "",
            "    center-ssl train a.yaml  # a comment",
            "    A=1 center-ssl \\",
            "        evaluate",
            "",
            "    as much output",
            "",
            "```python",
            "x = 1",
            "```",
            "",
            "    table of output",
            "",
            "<!-- not run: needs a GPU -->",
            "",
            "    make all",
        ]
    )
    found = blocks(text)
    assert [(b.kind, b.line, b.not_run) for b in found] == [
        ("commands", 3, None),
        ("python", 10, None),
        ("output", 13, None),
        ("commands", 17, "needs a GPU"),
    ]
    assert commands(found[0]) == [
        "center-ssl train a.yaml",
        "A=1 center-ssl evaluate",
        "as much output",
    ]


def test_a_command_that_is_not_known_fails():
    (block,) = blocks("x\n\n    git push\n")
    assert block == Block("commands", "git push", 3)
    with pytest.raises(AssertionError, match="'git' is not known"):
        run_command(block.text)
    with pytest.raises(kcs.InputError):
        run_command("center-ssl evaluate nothing-here")
    with pytest.raises(AssertionError):
        run_command("make no-such-target")
    with pytest.raises(AssertionError):
        run_command("pip install keras-center-ssl[no-such-extra]")
