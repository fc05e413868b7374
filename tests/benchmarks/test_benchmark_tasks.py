"""The benchmark's tasks run once, tiny, and both sides train networks of one size. No timings."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "training" / "benchmarks"
TORCH = ROOT / ".venv-torch" / "bin" / "python"
SIMCLR = {"temperature": 0.5, "hidden_dim": 8, "output_dim": 4}
TINY = {"method": "SimCLR", "arguments": SIMCLR, "batch_size": 4, "size": 8, "width": 2}
NETWORK = {"network": "resnet_small", "width": 2, "size": 8, "batch_size": 4}
STEP = {"key": "", "task": "methods.step", "options": TINY}
METHODS = {
    "CenterSSL": dict(center_weight=1.0, decorrelation_weight=1.0, hidden_dim=8, output_dim=4),
    "SimCLR": SIMCLR,
    "BYOL": dict(momentum=0.9, hidden_dim=8, output_dim=4, predictor_dim=8),
    "SwAV": dict(num_prototypes=6, frozen_epochs=0.5, hidden_dim=8, output_dim=4),
    "SimSiam": dict(hidden_dim=8, output_dim=6, predictor_dim=4),
    "BarlowTwins": dict(redundancy_weight=5e-3, hidden_dim=8, output_dim=4),
    "DINO": dict(
        momentum=0.9,
        teacher_temperature_epochs=3,
        hidden_dim=8,
        bottleneck_dim=4,
        output_dim=6,
        batch_norm=True,
    ),
    "Triplet": dict(margin=1.0, hidden_dim=8, output_dim=4),
    "VICReg": dict(hidden_dim=8, output_dim=4),
    "MoCo": dict(
        temperature=0.2, queue_size=8, momentum=0.9, symmetric=True, hidden_dim=8, output_dim=4
    ),
}


class Side:
    """A worker process of one side."""

    def __init__(self, python, side):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        self.process = subprocess.Popen(
            [str(python), str(FOLDER / "worker.py"), side, "1"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def ask(self, **job):
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def prepare(self, task, options):
        answer = self.ask(do="prepare", key=task, task=task, options=options)
        assert "error" not in answer, answer
        return answer


@pytest.fixture(scope="module")
def ours():
    side = Side(sys.executable, "ours")
    yield side
    side.process.stdin.close()
    side.process.wait()


@pytest.fixture(scope="module")
def peer():
    if not TORCH.exists():
        pytest.skip("PyTorch's environment is made by `make benchmark`")
    probe = Side(TORCH, "peer")
    probe.process.stdin.write(json.dumps({**STEP, "do": "prepare"}) + "\n")
    if probe.process.communicate()[0] == "":
        pytest.skip("PyTorch's own backward pass ends the process on this CPU (2.13 on AVX2)")
    side = Side(TORCH, "peer")
    yield side
    side.process.stdin.close()
    side.process.wait()


@pytest.mark.parametrize(
    ("task", "options", "images"),
    [
        ("encoders.training_step", NETWORK, 4),
        ("encoders.training_step", {**NETWORK, "normalization": "stock"}, 4),
        ("encoders.predict", NETWORK, 4),
        ("encoders.onnx", {**NETWORK, "threads": 1}, 4),
        ("views.multi_view", {"size": 8, "channels": 3, "batch_size": 4}, 8),
        ("methods.step", TINY, 8),
        ("methods.step", {**TINY, "precision": "mixed_bfloat16"}, 8),
        ("methods.encoder_passes", TINY, 8),
        ("methods.tracking", TINY, 8),
        ("methods.fit", TINY, 8),
        pytest.param("methods.fit", {**TINY, "cached": True}, 8, marks=pytest.mark.slow),
        pytest.param("methods.memory", {**TINY, "steps": 1}, 8, marks=pytest.mark.slow),
        ("cost.loss", {"name": "nt_xent", "batch_size": 4, "dim": 3}, 4),
        ("cost.tracking", {"batch_size": 4, "dim": 3}, 4),
        pytest.param(
            "cost.step",
            {"method": "SimCLR", "batch_size": 4, "size": 8, "width": 2},
            8,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_our_tasks_run(ours, task, options, images):
    answer = ours.prepare(task, options)
    assert answer["images"] == images
    assert ours.ask(do="time", key=task, seconds=0.0)["seconds"] > 0
    assert answer["facts"].get("largest_difference", 0.0) < 1e-4
    if task == "methods.memory":
        # The kernel's counters lag behind each other by some pages.
        assert answer["facts"]["peak"] > 0.9 * answer["facts"]["before"] > 0
    assert ours.ask(do="drop") == {}
    assert "KeyError" in ours.ask(do="time", key=task, seconds=0.0)["error"]


@pytest.mark.parametrize("method", METHODS)
def test_both_sides_train_as_many_parameters(ours, peer, method):
    options = {**TINY, "method": method, "arguments": METHODS[method]}
    counts = [side.prepare("methods.step", options)["facts"]["parameters"] for side in (ours, peer)]
    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_the_peer_steps_in_bfloat16(peer, method):
    options = {**TINY, "method": method, "arguments": METHODS[method]}
    peer.prepare("methods.step", {**options, "precision": "mixed_bfloat16"})
    assert peer.ask(do="time", key="methods.step", seconds=0.0)["seconds"] > 0


def test_our_side_knows_whether_bfloat16_is_fast(ours):
    from keras_center_ssl.engine.cpu import has_fast_bfloat16

    answer = ours.ask(do="prepare", key="", task="methods.fast_bfloat16", options={})
    assert answer.get("error", "").startswith("RuntimeError: this CPU") is not has_fast_bfloat16()


@pytest.mark.parametrize("network", ["resnet_small", "resnet18"])
def test_both_sides_encoders_have_as_many_parameters(ours, peer, network):
    options = {"network": network, "batch_size": 2, "size": 16}
    counts = [
        side.prepare("encoders.training_step", options)["facts"]["parameters"]
        for side in (ours, peer)
    ]
    assert counts[0] == counts[1] > 0


def test_the_peers_views_run(peer):
    answer = peer.prepare(
        "views.data_loader", {"size": 8, "channels": 3, "batch_size": 4, "workers": 1}
    )
    assert answer["images"] == 8


def test_methods_are_those_of_the_benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import comparisons

    import keras_center_ssl as kcs

    assert {k: set(v) for k, v in comparisons.METHODS.items()} == {
        k: set(v) for k, v in METHODS.items()
    }
    # A method added since (docs/adding-a-method.md) has no row before its peer is written.
    assert set(METHODS) <= set(kcs.methods.METHODS)
