"""The notebooks run, are short, and show what they print."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def code_cells(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path):
    source = "\n\n".join("".join(cell["source"]) for cell in code_cells(path))
    assert len([line for line in source.split("\n") if line.strip()]) < 40
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # Every line that the notebook shows begins as one that was printed, numbers aside.
    shown = [line for cell in code_cells(path) for o in cell["outputs"] for line in o["text"]]
    printed = done.stdout.splitlines()
    assert len(shown) == len(printed)
    for one, other in zip(shown, printed, strict=True):
        assert one.split()[:1] == other.split()[:1] or one[0] in "[(0123456789"
