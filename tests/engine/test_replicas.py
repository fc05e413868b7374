"""W replicas of B / W samples train as one replica of B samples, under every strategy.

In float64, where rounding cannot pass for a difference: whatever is not the same batch, the same
statistics or the same order of a queue shows as an error of 1e-4 and more against one of 1e-13.
The uneven case ends an epoch with 13 samples, which neither 2 nor 3 divide, and evaluates on them.
In float32 loss and gradient of the first step are compared; further steps amplify rounding.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.replica_cases import CASES
from tests.helpers.worker_processes import run_workers

SCRIPT = "tests.helpers.replicas"
# A queue and Sinkhorn; a teacher, a centre and the mean over samples; statistics of the batch.
SOME = ("SwAV", "DINO", "VICReg", "SimCLR-views")
slow = pytest.mark.slow


def run(folder, strategy, replicas, dtype, batches, *cases):
    """Runs `replicas.py`, once per module; returns the results of each process by case."""
    name = f"{strategy}-{replicas}-{dtype}-{batches}"
    cases = cases or tuple(CASES)
    paths = [folder / f"{name}-{i}" for i in range(replicas if strategy == "workers" else 1)]
    if not Path(f"{paths[0]}-{cases[-1]}.npz").exists():
        command = [sys.executable, "-m", SCRIPT, strategy, replicas, dtype, batches]
        if strategy == "workers":
            run_workers(replicas, lambda index: [*command, paths[index], *cases])
        else:
            words = [str(word) for word in (*command, paths[0], *cases)]
            done = subprocess.run(words, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-3000:]
    return [{case: np.load(f"{path}-{case}.npz") for case in cases} for path in paths]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("replicas")


def test_every_method_is_among_the_cases():
    assert {name.split("-")[0] for name in CASES} == set(kcs.methods.METHODS)


def tolerance_of(case):
    """Views are float32 whatever the precision, and a batch's rounding depends on its size."""
    return 1e-5 if case.endswith("-views") else 1e-10


def assert_same(one, other, tolerance=1e-10):
    assert set(one) == set(other)
    for kind in ("first", "gradient", "log", "evaluated", "weight"):
        assert any(name.startswith(f"{kind}/") for name in one), kind
    for name in one:
        # Against the largest entry; what should be 0 (a bias in front of a batch norm) is rounding.
        scale = max(np.abs(one[name]).max(initial=0), 1e-3)
        np.testing.assert_allclose(
            other[name], one[name], rtol=0, atol=tolerance * scale, err_msg=name
        )


@pytest.mark.parametrize("case", SOME)
def test_two_replicas_train_as_one(folder, case):
    (one,) = run(folder, "one", 1, "float64", "uneven", *SOME)
    (two,) = run(folder, "mirrored", 2, "float64", "uneven", *SOME)
    assert_same(one[case], two[case], tolerance_of(case))


@slow
@pytest.mark.parametrize("case", CASES)
def test_two_replicas_train_every_method_as_one(folder, case):
    (one,) = run(folder, "one", 1, "float64", "uneven")
    (two,) = run(folder, "mirrored", 2, "float64", "uneven")
    assert_same(one[case], two[case], tolerance_of(case))


@slow
@pytest.mark.parametrize("case", CASES)
def test_three_replicas_train_as_one(folder, case):
    (one,) = run(folder, "one", 1, "float64", "uneven")
    (three,) = run(folder, "mirrored", 3, "float64", "uneven")
    assert_same(one[case], three[case], tolerance_of(case))


@pytest.mark.slow
@pytest.mark.parametrize("case", SOME)
def test_two_workers_train_as_one(folder, case):
    (one,) = run(folder, "one", 1, "float64", "uneven", *SOME)
    for worker in run(folder, "workers", 2, "float64", "uneven", *SOME):
        assert_same(one[case], worker[case], tolerance_of(case))


@slow
@pytest.mark.parametrize("case", CASES)
def test_three_workers_train_as_one(folder, case):
    (one,) = run(folder, "one", 1, "float64", "uneven")
    for worker in run(folder, "workers", 3, "float64", "uneven"):
        assert_same(one[case], worker[case], tolerance_of(case))


@pytest.mark.slow
@pytest.mark.parametrize("case", SOME)
def test_the_first_step_is_the_same_in_float32(folder, case):
    (one,) = run(folder, "one", 1, "float32", "even", *SOME)
    (two,) = run(folder, "mirrored", 2, "float32", "even", *SOME)
    np.testing.assert_allclose(two[case]["first/loss"], one[case]["first/loss"], rtol=1e-5)
    gradients = [
        np.concatenate(
            [got[case][name].ravel() for name in got[case] if name.startswith("gradient/")]
        )
        for got in (one, two)
    ]
    difference = np.linalg.norm(gradients[1] - gradients[0])
    assert difference < 1e-5 * np.linalg.norm(gradients[0])
