"""Two replicas of half a batch each train exactly as one replica of the whole batch."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
from replica_cases import CASES

import keras_center_ssl as kcs

SCRIPT = pathlib.Path(__file__).with_name("replicas.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replicas")
    for replicas in ("1", "2"):
        done = subprocess.run(
            [sys.executable, SCRIPT, replicas, folder], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_every_method_is_among_the_cases():
    assert {name.split("-")[0] for name in CASES} == set(kcs.methods.__all__) - {"SSLModel"}


@pytest.mark.parametrize("case", CASES)
def test_two_replicas_train_as_one(folder, case):
    one, two = (np.load(folder / f"{case}-{replicas}.npz") for replicas in (1, 2))
    assert set(one) == set(two)
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-4, atol=5e-5, err_msg=name)
