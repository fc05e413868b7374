"""The wheel holds the library and nothing else, and works outside the checkout."""

import pathlib
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    # The environment's own setuptools: a test needs no network.
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (path,) = folder.glob("*.whl")
    return path


def test_holds_only_the_library(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"keras_center_ssl"}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "keras_center_ssl").rglob("*.py")}
    assert modules <= set(names)
    assert "keras_center_ssl/py.typed" in names
    assert any(name.endswith("/LICENSE") for name in names)


def test_works_outside_the_checkout(wheel, tmp_path):
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    program = (
        "import keras_center_ssl as kcs, numpy as np;"
        "print(kcs.__file__); print(kcs.diagnose(np.random.randn(256, 16)).verdict)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"},
    )
    place, verdict = done.stdout.split()
    assert place.startswith(str(site)) and verdict == "healthy", done.stderr
