"""Locks among processes."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from keras_center_ssl import locks
from keras_center_ssl.errors import InputError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


HOLD = """
import pathlib, sys, time
from keras_center_ssl import locks
with locks.locked(pathlib.Path(sys.argv[1]), "the folder"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds a lock in a folder which is made for it."""
    path = tmp_path / "made" / locks.LOCK
    process = subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    yield process, path
    process.kill()
    process.communicate()


def test_the_second_process_is_told_who_holds_the_lock(holder):
    process, path = holder
    with pytest.raises(InputError, match=rf"the folder \(process {process.pid}, since 2") as caught:
        with locks.locked(path, "the folder"):
            pytest.fail("locked twice")
    assert "\n" not in str(caught.value)
    assert path.exists(), "it belongs to the other process"


def test_a_lock_dies_with_its_process(holder):
    process, path = holder
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert path.exists()
    with locks.locked(path, "the folder") as lock:
        assert lock.still_held()
        assert str(os.getpid()) in path.read_text()
    assert names(path.parent) == []


def test_a_lock_leaves_nothing_but_what_was_written(tmp_path):
    with locks.locked(tmp_path / "a" / "b" / locks.LOCK, "b"):
        pass
    assert names(tmp_path) == []
    with locks.locked(tmp_path / "a" / "b" / locks.LOCK, "b"):
        (tmp_path / "a" / "mine").write_text("")
    assert names(tmp_path / "a") == ["mine"]
    (tmp_path / "before").mkdir()
    with pytest.raises(RuntimeError), locks.locked(tmp_path / "before" / locks.LOCK, "before"):
        raise RuntimeError
    assert names(tmp_path / "before") == []


def test_a_lock_in_a_folder_that_was_replaced_is_lost(tmp_path):
    path = pathlib.Path(tmp_path / "run" / locks.LOCK)
    with locks.locked(path, "run") as lock:
        path.unlink()
        path.parent.rmdir()
        assert not lock.still_held()
        with locks.locked(path, "run") as other:
            assert other.still_held() and not lock.still_held()


def test_two_threads_of_one_process_exclude_each_other(tmp_path):
    with locks.locked(tmp_path / "a", "a"), pytest.raises(InputError, match=f"{os.getpid()}"):
        with locks.locked(tmp_path / "a", "a"):
            pytest.fail("locked twice")
