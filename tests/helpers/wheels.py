"""Wheels and sdists of this checkout."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]


def build(kind, folder, source=ROOT):
    """Builds a `"wheel"` or an `"sdist"` into a folder; returns its path."""
    # The environment's own setuptools: a test needs no network.
    command = [sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", folder]
    done = subprocess.run([*command, source], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (path,) = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return path
