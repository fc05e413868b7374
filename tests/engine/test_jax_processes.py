"""Several processes of JAX train as one, and stop together."""

import signal
import socket
import time

import numpy as np
import pytest

from tests.helpers.jax_programs import finish, start

pytestmark = pytest.mark.jax


def test_two_processes_train_as_one(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    finish(
        *(start("jax_process", tmp_path / f"{n}.npz", port, 2, n, devices=2) for n in (0, 1)),
        start("jax_process", tmp_path / "alone.npz"),
    )
    alone = np.load(tmp_path / "alone.npz")
    assert alone["devices"] == 1 and alone["progress"] == 1
    for number in (0, 1):
        got = np.load(tmp_path / f"{number}.npz")
        assert got["devices"] == 4
        for key in set(alone) - {"devices"}:
            np.testing.assert_allclose(got[key], alone[key], rtol=1e-3, atol=1e-3, err_msg=key)


@pytest.mark.slow
@pytest.mark.parametrize("asked", [0, 1])
def test_a_signal_to_one_process_ends_all_behind_the_same_step(asked, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    programs = [start("jax_stopped", tmp_path, port, 2, number) for number in (0, 1)]
    try:
        reached, end = tmp_path / str(asked) / "steps", time.monotonic() + 120
        while not reached.is_file() or int(reached.read_text() or 0) < 12:
            assert time.monotonic() < end and all(p.poll() is None for p in programs)
            time.sleep(0.1)
        programs[asked].send_signal(signal.SIGTERM)
        outputs = [program.communicate(timeout=60)[1] for program in programs]
    finally:
        for program in programs:
            program.kill()
    assert [p.returncode for p in programs] == [128 + signal.SIGTERM] * 2, outputs
    ends = [(tmp_path / number / "stopped").read_text() for number in "01"]
    assert ends[0] == ends[1] and int(ends[0]) > 12
    assert all(list((tmp_path / number / "checkpoints").iterdir()) for number in "01")
