"""Programs of `tests/helpers` in processes of their own, on simulated devices."""

import os
import subprocess
import sys

import numpy as np


def start(script, *arguments, backend="jax", devices=1):
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    }
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.helpers.{script}", *map(str, arguments)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(*programs):
    outputs = [program.communicate()[1] for program in programs]
    for program, output in zip(programs, outputs, strict=True):
        assert program.returncode == 0, output[-3000:]


def compare(folder, case, name, expected):
    """Holds a case of two programs against each other; returns the first's number of devices."""
    got, want = (np.load(folder / f"{case}-{n}.npz") for n in (name, expected))
    assert set(got) == set(want)
    for key in set(got) - {"devices"}:
        # Ranks are ratios of small numbers here: four samples a step enter them.
        atol = 2e-2 if "rank" in key or "participation" in key else 1e-4
        np.testing.assert_allclose(got[key], want[key], rtol=1e-4, atol=atol, err_msg=key)
    return int(got["devices"])
