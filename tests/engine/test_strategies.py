"""Strategies by name, and training under them from the command line."""

import csv
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from keras_center_ssl.engine import strategies, workers
from keras_center_ssl.errors import InputError
from tests.helpers.worker_processes import run_workers, started_workers

RECIPE = """
name: tiny
epochs: 2
batch_size: 32
data: {source: digits, limit: 96}
views: {name: simclr}
encoder: {name: resnet_small, width: 4}
method: {name: SimCLR, hidden_dim: 16, output_dim: 8}
optimizer: {name: sgd, learning_rate: 0.01, momentum: 0.9}
"""


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'mirrored'"):
        strategies.open_strategy("mirored")


@pytest.mark.parametrize(
    "config",
    [
        None,
        "{",
        "[]",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}',
    ],
)
def test_multi_worker_needs_a_complete_tf_config(monkeypatch, config):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(InputError, match="TF_CONFIG"):
        strategies.open_strategy("multi_worker")


def test_tpu_names_the_last_tensorflow_for_it(monkeypatch):
    monkeypatch.delenv("TPU_NAME", raising=False)
    with pytest.raises(InputError, match=r"2\.19\.1.*JAX"):
        strategies.open_strategy("tpu")


@pytest.mark.parametrize("count", ["0", "two", "-1"])
def test_cpus_is_a_number(monkeypatch, count):
    monkeypatch.setenv(strategies.CPUS, count)
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("GPUs are used whatever the variable says")
    with pytest.raises(InputError, match=strategies.CPUS):
        strategies.open_strategy("mirrored")


def test_a_strategy_is_opened_once_for_the_same_devices(monkeypatch):
    opened = []
    monkeypatch.setattr(strategies, "_OPENED", {})
    monkeypatch.setitem(strategies.STRATEGIES, "mirrored", lambda: opened.append(1) or object())
    monkeypatch.setenv(strategies.CPUS, "1")
    first = strategies.open_strategy("mirrored")
    assert strategies.open_strategy("mirrored") is first and len(opened) == 1
    monkeypatch.setenv(strategies.CPUS, "2")
    assert strategies.open_strategy("mirrored") is not first and len(opened) == 2
    monkeypatch.setenv(strategies.CPUS, "1")
    assert strategies.open_strategy("mirrored") is first


def test_what_could_not_be_opened_is_tried_again(monkeypatch):
    monkeypatch.setattr(strategies, "_OPENED", {})
    monkeypatch.delenv("TF_CONFIG", raising=False)
    for _ in range(2):
        with pytest.raises(InputError, match="TF_CONFIG"):
            strategies.open_strategy("multi_worker")
    assert strategies._OPENED == {}


def test_one_device_says_so(monkeypatch):
    monkeypatch.delenv(strategies.CPUS, raising=False)
    for name in ("one_device", "mirrored"):
        strategy = strategies.open_strategy(name)
        if strategy.num_replicas_in_sync == 1:
            assert strategies.describe(strategy) == "1 replica, for there is one device"
        assert workers.is_chief(strategy)


@pytest.mark.parametrize(
    ("jobs", "task", "index", "expected"),
    [
        ({"worker": ["a:1", "b:1"]}, "worker", 0, True),
        ({"worker": ["a:1", "b:1"]}, "worker", 1, False),
        ({"chief": ["a:1"], "worker": ["b:1"]}, "chief", 0, True),
        ({"chief": ["a:1"], "worker": ["b:1"]}, "worker", 0, False),
    ],
)
def test_the_chief_is_one(jobs, task, index, expected):
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(jobs), task_type=task, task_id=index
    )
    strategy = SimpleNamespace(cluster_resolver=resolver, num_replicas_in_sync=2)
    assert workers.is_chief(strategy) is expected
    assert strategies.describe(strategy) == "2 replicas in 2 processes"


def test_a_batch_is_shared_evenly():
    strategies.check_batch_size(6, SimpleNamespace(num_replicas_in_sync=3))
    with pytest.raises(InputError, match="such as 9"):
        strategies.check_batch_size(7, SimpleNamespace(num_replicas_in_sync=3))


# -- from the command line ----------------------------------------------------------------------

COMMAND = [sys.executable, "-m", "keras_center_ssl.cli", "train"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strategies")
    (folder / "tiny.yaml").write_text(RECIPE)
    return folder


@pytest.fixture(scope="module")
def alone(folder):
    command = [*COMMAND, folder / "tiny.yaml", "--out", folder / "alone"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return history(folder / "alone")


def history(run):
    with open(Path(run) / "history.csv", newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def assert_same_history(found, expected):
    assert len(found) == len(expected) == 2
    for one, other in zip(found, expected, strict=True):
        assert set(one) == set(other)
        for name in one:
            # The second epoch tells whether its images and views were the same ones.
            np.testing.assert_allclose(one[name], other[name], rtol=1e-3, atol=1e-4, err_msg=name)


def test_mirrored_gives_the_history_of_one_device(folder, alone, monkeypatch):
    monkeypatch.setenv(strategies.CPUS, "2")
    command = [*COMMAND, folder / "tiny.yaml", "--out", folder / "two", "--strategy", "mirrored"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    if not tf.config.list_physical_devices("GPU"):
        assert "mirrored: 2 replicas" in done.stdout
    assert_same_history(history(folder / "two"), alone)


@pytest.mark.slow
def test_of_two_workers_the_chief_writes(folder, alone):
    def command(index):
        # Folders of their own, so that what a worker writes is seen.
        out = folder / f"worker{index}"
        return [*COMMAND, folder / "tiny.yaml", "--out", out, "--strategy", "multi_worker"]

    outputs = run_workers(2, command)
    assert "2 replicas in 2 processes" in outputs[0]
    assert "epoch 2/2" in outputs[0] and "epoch" not in outputs[1]
    assert not (folder / "worker1").exists()
    run = folder / "worker0"
    assert {"recipe.yaml", "encoder.keras", "metrics.json", "tensorboard", "checkpoints"} <= {
        path.name for path in run.iterdir()
    }
    assert_same_history(history(run), alone)


def wait_for(process, text):
    for line in process.stdout:
        if line.startswith(text):
            return
    raise AssertionError(f"ended before it said {text!r}")


@pytest.mark.slow
@pytest.mark.parametrize("asked", [0, 1])
def test_all_workers_stop_behind_the_same_step_when_one_is_asked_to(folder, asked):
    out = folder / f"stopped{asked}"

    def command(index):
        options = ["--strategy", "multi_worker", "--set", "epochs=1000"]
        return [*COMMAND, folder / "tiny.yaml", "--out", out, *options]

    with started_workers(2, command) as processes:
        wait_for(processes[0], "epoch 2/")
        processes[asked].send_signal(signal.SIGTERM)
        outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [143, 143], outputs
    assert "Stopped by SIGTERM. The last checkpoint is of epoch" in outputs[0]
    assert "--resume" in outputs[0] and "Traceback" not in "".join(outputs)
    assert list((out / "checkpoints").glob("step-*"))


@pytest.mark.slow
def test_workers_go_on_after_one_was_killed_from_the_chiefs_checkpoint(folder):
    def command(out, *options):
        arguments = ["--strategy", "multi_worker", "--set", "epochs=12", *options]
        return lambda index: [*COMMAND, folder / "tiny.yaml", "--out", out, *arguments]

    run_workers(2, command(folder / "whole"))
    out = folder / "killed"
    with started_workers(2, command(out, "--checkpoint-every", "2")) as processes:
        wait_for(processes[0], "epoch 2/")
        processes[1].kill()
        said = processes[0].communicate(timeout=120)[0]
    assert processes[0].returncode == 1 and "Another worker is gone" in said
    assert "--resume" in said and "Traceback" not in said
    assert not (out / "encoder.keras").exists()
    outputs = run_workers(2, command(out, "--resume"))
    assert "Going on from epoch" in outputs[0] or "Going on from the end" in outputs[0]
    found, expected = history(out), history(folder / "whole")
    assert len(found) == len(expected) == 12
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one["loss"], other["loss"], rtol=1e-3)


def test_a_batch_that_cannot_be_shared_is_refused_before_anything_is_written(folder, monkeypatch):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("the number of GPUs decides")
    monkeypatch.setenv(strategies.CPUS, "3")
    out = folder / "three"
    command = [*COMMAND, folder / "tiny.yaml", "--out", out, "--strategy", "mirrored"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 1
    assert "multiple of 3" in done.stderr and "Traceback" not in done.stderr
    assert not out.exists()
