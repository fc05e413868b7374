"""A Python of its own in which packages cannot be imported, as if they were not installed."""

import subprocess
import sys

HEAVY = ("keras", "tensorflow", "jax", "sklearn", "onnx", "tf2onnx", "tensorflow_datasets", "torch")

_BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
"""


def run_without(program, *arguments, names=HEAVY, **options):
    """What `subprocess.run` gives for a Python program that has to do without some packages."""
    command = [sys.executable, "-c", _BLOCKER.format(names=tuple(names)) + program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, **options)
