"""A run that was killed, stopped or ran out of disk goes on as if nothing had happened."""

import errno
import functools
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import yaml

import keras_center_ssl as kcs
from keras_center_ssl import runs
from keras_center_ssl.callbacks import checkpoint_files as checkpoints
from keras_center_ssl.callbacks.checkpoint_files import CheckpointFolder
from keras_center_ssl.methods import METHODS
from keras_center_ssl.runs.recipe import parse_recipe
from tests.runs.test_recipe import content

STEPS, EPOCHS = 4, 3
SMALL = {"hidden_dim": 16, "output_dim": 8}
METHOD_ARGUMENTS = {
    "SimSiam": {**SMALL, "predictor_dim": 4},
    "MoCo": {**SMALL, "queue_size": 192},
    "DINO": {"hidden_dim": 16, "bottleneck_dim": 8, "output_dim": 32, "frozen_epochs": 1},
    "SwAV": {**SMALL, "num_prototypes": 8, "queue_size": 128, "queue_start_epoch": 1},
}


def recipe(method="SimCLR", **changes):
    arguments = {"name": method, **METHOD_ARGUMENTS.get(method, SMALL)}
    data = {"source": "digits", "limit": STEPS * 64}
    return parse_recipe(
        content(
            **{"epochs": EPOCHS, "batch_size": 64, "data": data, "method": arguments, **changes}
        )
    )


def state(run):
    """All that a run ends with: weights, optimizer, figures of every epoch."""
    model = run.load_model()
    variables = [*model.variables, *model.optimizer.variables]
    return [keras.ops.convert_to_numpy(v) for v in variables], (
        run.folder / "history.csv"
    ).read_text()


def assert_same(run, reference):
    (weights, history), (expected, expected_history) = state(run), state(reference)
    assert history == expected_history
    for mine, other in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(mine, other)


class At(keras.callbacks.Callback):
    """Does something behind a step of the process, counted from 1."""

    def __init__(self, step, action):
        super().__init__()
        self.left, self.action = step, action

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            self.action()


def crash():
    raise RuntimeError("power cut")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Uninterrupted runs, by recipe."""
    made = {}

    def get(which):
        key = which.to_yaml()
        if key not in made:
            made[key] = runs.train(which, tmp_path_factory.mktemp("reference") / "run")
        return made[key]

    return get


@pytest.mark.parametrize("method", ["SwAV", pytest.param("SimSiam", marks=pytest.mark.slow)])
def test_interrupted_twice_is_not_interrupted(method, reference, tmp_path):
    for steps in (STEPS + 2, STEPS + 2):
        with pytest.raises(RuntimeError, match="power cut"):
            runs.train(
                recipe(method),
                tmp_path / "run",
                callbacks=[At(steps, crash)],
                checkpoint_every=3,
                resume=True,
            )
    said = []
    run = runs.train(recipe(method), tmp_path / "run", resume=True, say=said.append)
    assert said == ["Going on from epoch 3, step 1 of 4."]
    assert_same(run, reference(recipe(method)))
    assert [p.name for p in (run.folder / "checkpoints").iterdir()] == ["model.keras"]


# -- killed, in processes of their own -------------------------------------------------------------

KILLED = """
import io, os, signal, sys
import keras
from keras_center_ssl import runs
from keras_center_ssl.callbacks import checkpoint_files as checkpoints
from keras_center_ssl.runs.recipe import load_recipe

recipe, out, every, at_step, at_write = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
die = lambda: os.kill(os.getpid(), signal.SIGKILL)

class At(keras.callbacks.Callback):
    steps = 0
    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.steps == at_step:
            die()

write, writes = checkpoints._write, []
def half(file, arrays, state):
    writes.append(1)
    if len(writes) != at_write:
        return write(file, arrays, state)
    whole = io.BytesIO()
    write(whole, arrays, state)
    file.write(whole.getvalue()[: len(whole.getvalue()) // 2])
    file.flush()
    die()
checkpoints._write = half

runs.train(load_recipe(recipe), out, callbacks=[At()], resume=True, checkpoint_every=every)
"""


def killed(which, out, every=2, at_step=0, at_write=0):
    path = out.parent / "recipe.yaml"
    path.write_text(which.to_yaml())
    numbers = map(str, (every, at_step, at_write))
    command = [sys.executable, "-c", KILLED, str(path), str(out), *numbers]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return out / "checkpoints"


@pytest.mark.slow
def test_killed_at_a_step_and_within_a_write(reference, tmp_path):
    which, out = recipe("DINO"), tmp_path / "run"
    killed(which, out, at_step=random.randint(3, STEPS))
    folder = killed(which, out, at_write=random.randint(1, 3))
    assert len(list(folder.glob("*.tmp"))) == 1, "half a checkpoint, without its name"
    assert_same(runs.train(which, out, resume=True), reference(which))
    assert not list(folder.glob("*.tmp"))


@pytest.mark.slow
@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_killed_at_random(method, reference, tmp_path):
    which, out = recipe(method), tmp_path / "run"
    killed(which, out, every=1, at_step=random.randint(2, 2 * STEPS))
    killed(which, out, every=1, at_write=random.randint(1, 3))
    assert_same(runs.train(which, out, resume=True), reference(which))


@pytest.mark.slow
@pytest.mark.parametrize("step", range(1, STEPS * EPOCHS))
def test_killed_at_every_step(step, reference, tmp_path):
    which, out = recipe("MoCo"), tmp_path / "run"
    killed(which, out, every=3, at_step=step)
    assert_same(runs.train(which, out, resume=True), reference(which))


@pytest.mark.slow
def test_with_dropout_and_adamw_in_bfloat16(reference, tmp_path):
    which = recipe(
        "BYOL",
        encoder={"name": "vit_tiny", "patch_size": 4, "depth": 1, "drop_path": 0.1},
        optimizer={"name": "adamw", "learning_rate": 0.001, "warmup_epochs": 1},
        precision="mixed_bfloat16",
    )
    out = tmp_path / "run"
    killed(which, out, every=1, at_step=STEPS + 2)
    assert_same(runs.train(which, out, resume=True), reference(which))


# -- damage, full disks ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Copies a run that was interrupted after two steps of its second epoch."""
    folder = tmp_path_factory.mktemp("begun") / "run"
    with pytest.raises(RuntimeError, match="power cut"):
        runs.train(recipe(), folder, callbacks=[At(STEPS + 3, crash)], checkpoint_every=1)
    return lambda to: pathlib.Path(shutil.copytree(folder, to))


@pytest.mark.slow
def test_a_damaged_checkpoint_is_passed_over(begun, reference, tmp_path):
    newest, _ = CheckpointFolder(begun(tmp_path / "run") / "checkpoints").files()
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    said = []
    with pytest.warns(kcs.CheckpointWarning, match=rf"{newest.name}' is damaged"):
        run = runs.train(recipe(), tmp_path / "run", resume=True, say=said.append)
    assert said == ["Going on from epoch 2, step 1 of 4."]
    assert_same(run, reference(recipe()))


@pytest.mark.slow
def test_a_full_disk_leaves_the_checkpoint_before(begun, reference, tmp_path, monkeypatch):
    write, writes = checkpoints._write, []

    def full(file, arrays, state):
        writes.append(1)
        if len(writes) == 2:
            file.write(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(file, arrays, state)

    out = begun(tmp_path / "run")
    with monkeypatch.context() as patch, pytest.raises(kcs.TrainingStopped) as caught:
        patch.setattr(checkpoints, "_write", full)
        runs.train(recipe(), out, checkpoint_every=1, resume=True)
    message = str(caught.value)
    assert "the end of epoch 2 could not be written" in message
    assert "No space left on device" in message
    assert "The last checkpoint is of epoch 2, step 3 of 4." in message
    assert not list(out.rglob("*.tmp"))
    assert_same(runs.train(recipe(), out, resume=True), reference(recipe()))


@pytest.mark.slow
def test_a_limit_on_files_ends_in_one_paragraph(tmp_path):
    """As a full disk, but from the system itself; the model is larger than the limit."""
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(recipe().to_dict()))
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000));"
        "import sys; sys.argv[1:] = ['train', 'tiny.yaml', '--out', 'run'];"
        "from keras_center_ssl.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "File too large" in done.stderr or "no room left" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists(), "without a checkpoint it is of no use"


# -- signals ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_signals_end_behind_a_checkpoint(reference, tmp_path):
    for number, step, place in (
        (signal.SIGTERM, 2, "epoch 1, step 2 of 4"),
        # The last of its epoch: what belongs to the epoch's end comes first.
        (signal.SIGINT, 2, "the end of epoch 1"),
    ):
        handler = signal.getsignal(number)
        ask = At(step, functools.partial(signal.raise_signal, number))
        with pytest.raises(kcs.TrainingStopped, match=f"checkpoint is of {place}") as caught:
            runs.train(recipe(), tmp_path / "run", callbacks=[ask], resume=True)
        assert caught.value.signal == number
        assert signal.getsignal(number) is handler
    assert_same(runs.train(recipe(), tmp_path / "run", resume=True), reference(recipe()))


@pytest.mark.parametrize(
    "number, code",
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
    ],
)
def test_the_command_line_says_how_to_go_on(number, code, tmp_path):
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(recipe(epochs=100_000).to_dict()))
    arguments = ["train", "tiny.yaml", "--set", "seed=1", "--out", "a run"]
    process = subprocess.Popen(
        [sys.executable, "-m", "keras_center_ssl.cli", *arguments],
        cwd=tmp_path,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    for line in process.stdout:
        if line.startswith("epoch 2/"):
            break
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "Finishing this step" in out
    assert "To go on: center-ssl train tiny.yaml --set seed=1 --out 'a run' --resume" in err
    assert "Traceback" not in err


# -- what --resume finds ---------------------------------------------------------------------------


def test_a_finished_run_stays_as_it_is(reference):
    run = reference(recipe())
    before = {p: p.stat().st_mtime_ns for p in run.folder.rglob("*")}
    said = []
    again = runs.train(recipe(), run.folder, resume=True, say=said.append)
    assert again.folder == run.folder and "is finished" in said[0]
    assert {p: p.stat().st_mtime_ns for p in run.folder.rglob("*")} == before


def test_another_recipe_is_named_by_its_keys(begun, tmp_path):
    begun(tmp_path / "run")
    other = recipe(epochs=9, optimizer={"name": "sgd", "learning_rate": 0.2, "momentum": 0.9})
    keys = r"epochs \(9, was 3\); optimizer\.learning_rate \(0\.2, was 0\.1\)\."
    with pytest.raises(kcs.InputError, match=keys) as caught:
        runs.train(other, tmp_path / "run", resume=True)
    assert "span all epochs" in str(caught.value)
    with pytest.raises(kcs.InputError, match="--resume"):
        runs.train(recipe(), tmp_path / "run")
    assert len(list((tmp_path / "run" / "checkpoints").glob("step-*"))) == 2


def test_other_images_are_refused(tmp_path):
    images = kcs.data.load("digits").images[: STEPS * 64]
    np.save(tmp_path / "images.npy", images)
    which = recipe(data={"source": str(tmp_path / "images.npy")})
    with pytest.raises(RuntimeError):
        runs.train(which, tmp_path / "run", callbacks=[At(3, crash)], checkpoint_every=1)
    np.save(tmp_path / "images.npy", images[::-1])
    with pytest.raises(kcs.InputError, match="have changed since the run began"):
        runs.train(which, tmp_path / "run", resume=True)
    assert runs.resumes_from(tmp_path / "run"), "a folder that can be resumed is never deleted"


def test_without_a_run_one_begins(tmp_path):
    class Refuse(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            crash()

    (tmp_path / "begun" / "checkpoints").mkdir(parents=True)
    # Killed while it wrote its recipe.
    (tmp_path / "begun" / f"recipe.{0:016x}.tmp").write_text("half")
    for folder, begins in (("none", "a new one begins"), ("begun", "it starts over")):
        said = []
        with pytest.raises(RuntimeError, match="power cut"):
            runs.train(
                recipe(), tmp_path / folder, callbacks=[Refuse()], resume=True, say=said.append
            )
        assert begins in said[0]


def test_a_folder_of_somebody_else_is_kept(tmp_path):
    (tmp_path / "recipe.yaml").write_text("mine")
    with pytest.raises(kcs.InputError, match="exists and is not empty"):
        runs.train(recipe(), tmp_path, resume=True)
    assert (tmp_path / "recipe.yaml").read_text() == "mine"
