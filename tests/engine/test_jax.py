"""JAX trains as TensorFlow does, on one device and on several."""

import pytest

from tests.helpers.jax_programs import compare, finish, start
from tests.helpers.replica_cases import CASES

pytestmark = pytest.mark.jax

ON_TWO = ["SimCLR", "SwAV", "BYOL"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All methods on TensorFlow, on JAX, and on JAX with four devices and with two."""
    folder = tmp_path_factory.mktemp("backends")
    finish(start("backend_steps", folder, "tensorflow", backend="tensorflow"))
    finish(
        start("backend_steps", folder, "jax"),
        start("backend_steps", folder, "jax4", devices=4),
        start("backend_steps", folder, "jax2", *ON_TWO, devices=2),
    )
    return folder


@pytest.mark.parametrize("case", CASES)
def test_jax_trains_as_tensorflow(folder, case):
    assert compare(folder, case, "jax", "tensorflow") == 1


@pytest.mark.parametrize("case", CASES)
def test_four_devices_train_as_one(folder, case):
    assert compare(folder, case, "jax4", "jax") == 4


@pytest.mark.parametrize("case", ON_TWO)
def test_two_devices_train_as_one(folder, case):
    assert compare(folder, case, "jax2", "jax") == 2
