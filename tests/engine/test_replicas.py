"""Two replicas of half a batch each train exactly as one replica of the whole batch."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

SCRIPT = pathlib.Path(__file__).with_name("replicas.py")
SMALL = '{"hidden_dim": 16, "output_dim": 8}'


@pytest.mark.parametrize(
    "method, arguments",
    [
        ("SimCLR", SMALL),
        ("SimSiam", SMALL),
        ("CenterSSL", '{"hidden_dim": 16, "output_dim": 8, "center": "ema", "unbiased": true}'),
    ],
)
def test_two_replicas_train_as_one(method, arguments, tmp_path):
    results = []
    for replicas in (1, 2):
        out = tmp_path / f"{replicas}.npz"
        command = [sys.executable, SCRIPT, method, str(replicas), out, arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        results.append(np.load(out))
    one, two = results
    assert set(one) == set(two)
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=2e-5, atol=2e-5, err_msg=name)
