"""On a GPU, through JAX, methods train as on the CPU. Skipped where JAX finds none."""

import os
import subprocess
import sys

import pytest

from tests.helpers.jax_programs import compare
from tests.helpers.replica_cases import CASES

pytestmark = [pytest.mark.jax, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five steps of every method on the CPU and on the GPU, from the same weights."""
    folder = tmp_path_factory.mktemp("devices")
    found = "import jax; print(jax.devices()[0].platform)"
    if run("-c", found, platforms=None).stdout.strip() != "gpu":
        pytest.skip("JAX finds no GPU here")
    for name, platforms in (("cpu", "cpu"), ("gpu", "cuda,cpu")):
        done = run("-m", "tests.helpers.backend_steps", folder, name, platforms=platforms)
        assert done.returncode == 0, done.stderr[-3000:]
    return folder


def run(*arguments, platforms):
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    # A GPU multiplies float32 in fewer bits unless it is asked not to.
    environment |= {"JAX_DEFAULT_MATMUL_PRECISION": "highest"}
    environment.pop("JAX_PLATFORMS", None)
    if platforms is not None:
        environment["JAX_PLATFORMS"] = platforms
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("case", CASES)
def test_gpu_trains_as_the_cpu(folder, case):
    assert compare(folder, case, "gpu", "cpu") == 1
