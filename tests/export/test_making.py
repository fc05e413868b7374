"""The folder of a bundle: one process at a time, and nothing lost where one is killed."""

import signal
import subprocess
import sys

import pytest

import keras_center_ssl as kcs
from keras_center_ssl.export.making import folder_in_the_making

# Makes a bundle up to a point, says so, and waits to be killed.
MAKER = """
import os, sys
from pathlib import Path
from keras_center_ssl.export import making
target, point = sys.argv[1:]

def stop(*_):
    print("here", flush=True)
    sys.stdin.readline()

if point == "between":
    replace = os.replace
    os.replace = lambda a, b: stop() if Path(b) == Path(target) else replace(a, b)
with making.folder_in_the_making(Path(target), overwrite=True) as folder:
    (folder / "metrics.json").write_text("new")
    if point == "writing":
        stop()
"""


@pytest.fixture
def make(tmp_path):
    made = []

    def start(point):
        target = tmp_path / "bundle"
        process = subprocess.Popen(
            [sys.executable, "-c", MAKER, str(target), point],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        made.append(process)
        assert process.stdout.readline() == "here\n"
        return target, process

    yield start
    for process in made:
        process.kill()
        process.communicate()


def test_the_second_is_told(make, tmp_path):
    target, process = make("writing")
    with pytest.raises(kcs.InputError, match="Another process writes to the bundle"):
        with folder_in_the_making(target, overwrite=True):
            raise AssertionError("not alone")
    process.send_signal(signal.SIGKILL)
    process.wait()
    with folder_in_the_making(target, overwrite=True) as folder:
        (folder / "metrics.json").write_text("ours")
    assert (target / "metrics.json").read_text() == "ours"
    assert list(tmp_path.iterdir()) == [target]


def test_an_earlier_bundle_comes_back(make, tmp_path):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "metrics.json").write_text("earlier")
    target, process = make("between")
    assert not target.exists()
    process.send_signal(signal.SIGKILL)
    process.wait()
    with pytest.raises(kcs.InputError, match="not empty"):
        with folder_in_the_making(target, overwrite=False):
            raise AssertionError("it may not be replaced")
    assert (target / "metrics.json").read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [target]
