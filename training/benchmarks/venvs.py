"""The virtual environments of the other contestants, made where they are missing.

An environment that cannot be made is no error: its contestants are left out, and the results
say so.
"""

import pathlib
import subprocess
import sys
import sysconfig

ROOT = pathlib.Path(__file__).resolve().parents[2]
TORCH = ROOT / ".venv-torch"
KERASCV = ROOT / ".venv-keras-cv"


def torch():
    """The interpreter of an environment with PyTorch and, where it can be had, torchvision."""
    python = _made(TORCH, "torch==2.13.0", "numpy", "pillow")
    if not _has(python, "torchvision"):
        # Without it the views are made with Pillow alone.
        _pip(python, "--no-deps", "torchvision==0.28.0", required=False)
    return python


def keras_cv():
    """The interpreter of an environment with KerasCV on top of ours."""
    # The newest releases of KerasCV's dependencies would bring another Keras: it gets ours.
    path = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages/ours.pth"
    if not (KERASCV / path).exists():
        _run([sys.executable, "-m", "venv", str(KERASCV)])
        (KERASCV / path).write_text(sysconfig.get_path("purelib") + "\n")
    return _made(KERASCV, "--no-deps", "keras-cv==0.9.0", "keras-core==0.1.7", "regex")


def accelerator():
    """The kind of accelerator that JAX finds, `"cpu"` for none, or `None` without JAX."""
    code = "import jax; print(jax.default_backend())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return found.stdout.strip() or None


def _made(folder, *packages):
    python, done = folder / "bin" / "python", folder / ".installed"
    wanted = " ".join(packages)
    if not done.exists() or done.read_text() != wanted:
        print(f"Making {folder.name}: {wanted} (a few minutes)", flush=True)
        if not python.exists():
            _run([sys.executable, "-m", "venv", str(folder)])
        _pip(python, *packages)
        done.write_text(wanted)
    return python


def _pip(python, *packages, required=True):
    command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    _run([*command, *packages], required)


def _has(python, package):
    code = f"import importlib.util as u, sys; sys.exit(u.find_spec({package!r}) is None)"
    return subprocess.run([str(python), "-c", code]).returncode == 0


def _run(command, required=True):
    done = subprocess.run(command, capture_output=True, text=True)
    if required and done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise RuntimeError(f"{' '.join(command)} failed: {' '.join(last)}")
