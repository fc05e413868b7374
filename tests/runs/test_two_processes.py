"""One folder, two processes: the second is told so, and nobody removes what another has written."""

import shutil
import subprocess
import sys

import keras
import pytest

import keras_center_ssl as kcs
from keras_center_ssl import runs
from keras_center_ssl.locks import LOCK
from keras_center_ssl.runs.folder import run_lock
from keras_center_ssl.runs.recipe import parse_recipe
from tests.runs.test_recipe import content


def recipe(**changes):
    return parse_recipe(
        content(**{"batch_size": 64, "data": {"source": "digits", "limit": 128}, **changes})
    )


class AtFirstStep(keras.callbacks.Callback):
    def __init__(self, action):
        super().__init__()
        self.action = action

    def on_train_batch_end(self, batch, logs=None):
        self.action()


def power_cut():
    raise RuntimeError("power cut")


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    """Another process in the middle of a long training, and its recipe and folder."""
    folder = tmp_path_factory.mktemp("two")
    which = recipe(epochs=100_000)
    (folder / "tiny.yaml").write_text(which.to_yaml())
    process = subprocess.Popen(
        [sys.executable, "-m", "keras_center_ssl.cli", "train", "tiny.yaml", "--out", "run"],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    for line in process.stdout:
        if line.startswith("epoch 2/"):
            break
    yield process, which, folder / "run"
    process.kill()
    process.communicate()


def test_a_second_writer_is_refused_and_changes_nothing(training):
    process, which, out = training
    told = rf"Another process writes to the run folder '.*run' \(process {process.pid}, since 2"
    for write in (
        lambda: runs.train(which, out),
        lambda: runs.train(which, out, resume=True),
        lambda: runs.evaluate(runs.Run(out)),
    ):
        with pytest.raises(kcs.InputError, match=told) as caught:
            write()
        assert "\n" not in str(caught.value)
    assert process.poll() is None
    assert (out / "recipe.yaml").is_file() and runs.resumes_from(out)
    process.kill()
    process.wait()
    assert (out / LOCK).exists()
    with pytest.raises(RuntimeError, match="power cut"):
        runs.train(which, out, [AtFirstStep(power_cut)], resume=True)
    assert runs.resumes_from(out) and not (out / LOCK).exists()


def test_a_training_that_lost_its_folder_touches_no_other(tmp_path):
    out = tmp_path / "run"

    def replaced():
        shutil.rmtree(out)
        out.mkdir()
        (out / LOCK).write_text("")
        (out / "recipe.yaml").write_text("theirs")

    with pytest.raises(kcs.TrainingStopped, match="removed, or replaced"):
        runs.train(recipe(), out, [AtFirstStep(replaced)])
    assert (out / "recipe.yaml").read_text() == "theirs"
    assert sorted(path.name for path in out.iterdir()) == [LOCK, "recipe.yaml"]


def test_a_training_that_fails_removes_what_it_wrote_and_nothing_else(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LOCK).write_text("left by a process that was killed")

    def crash():
        (tmp_path / "run" / "notes.txt").write_text("mine")
        power_cut()

    with pytest.raises(RuntimeError, match="power cut"):
        runs.train(recipe(), tmp_path / "run", [AtFirstStep(crash)])
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]


def test_a_file_is_no_run_folder(tmp_path):
    (tmp_path / "run").write_text("mine")
    for resume in (False, True):
        with pytest.raises(kcs.InputError, match="is a file"):
            runs.train(recipe(), tmp_path / "run", resume=resume)
    with pytest.raises(kcs.InputError, match="is a file"), run_lock(tmp_path / "run"):
        pytest.fail("locked a file")
    assert (tmp_path / "run").read_text() == "mine"
