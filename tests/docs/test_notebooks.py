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


def source_of(path):
    return "\n\n".join("".join(cell["source"]) for cell in code_cells(path))


def printed_by(source, folder, *packages):
    """The lines that a program prints, given further folders of packages."""
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, *packages)))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path):
    source = source_of(path)
    assert len([line for line in source.split("\n") if line.strip()]) < 40
    printed = printed_by(source, tmp_path)
    # Every line that the notebook shows begins as one that was printed, numbers aside.
    shown = [line for cell in code_cells(path) for o in cell["outputs"] for line in o["text"]]
    assert len(shown) == len(printed)
    for one, other in zip(shown, printed, strict=True):
        assert one.split()[:1] == other.split()[:1] or one[0] in "[(0123456789"


@pytest.mark.slow
def test_tensors_of_pytorch_are_diagnosed_as_arrays_are(tmp_path):
    """The notebook with PyTorch, of the benchmarks' environment: the same lines as with NumPy."""
    found = [*(ROOT / ".venv-torch").glob("lib/python*/site-packages")]
    if not found:
        pytest.skip("PyTorch is not installed (make benchmark-quick makes .venv-torch)")
    source = source_of(ROOT / "docs" / "notebooks" / "pytorch-embeddings.ipynb")
    kind = "\nprint(type(healthy[0]))"
    *lines, last = printed_by(source + kind, tmp_path, *found)
    assert last == "<class 'torch.Tensor'>"
    assert lines == printed_by(source, tmp_path)
