"""Worker processes, from the side of the one who asks: see `worker.py` for theirs."""

import json
import os
import pathlib
import platform
import subprocess
import sys

import venvs

from keras_center_ssl.machine import cpu_name

HERE = pathlib.Path(__file__).parent
LOG = "workers.log"


class Failed(RuntimeError):
    """A worker could not do its job."""


class Worker:
    """A process that prepares and times; see `worker.py`."""

    def __init__(self, python, side, threads, log, environment=()):
        count = str(threads)
        # For the libraries that read these; the others are told by the worker.
        limits = {name: count for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        self.process = subprocess.Popen(
            [str(python), str(HERE / "worker.py"), side, count],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **limits, **dict(environment)},
        )

    def ask(self, **job):
        """Sends a job and returns the answer; raises `Failed` where it is an error."""
        try:
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError) as error:
            raise Failed(f"the worker died, see {LOG}") from error
        if "error" in answer:
            raise Failed(answer["error"].splitlines()[0])
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Workers:
    """Starts a worker per side when it is first needed; remembers which sides there are not."""

    # The comparisons of the CPU stay there on a machine with a GPU.
    SIDES = {
        "ours": ("ours", lambda: sys.executable, {"CUDA_VISIBLE_DEVICES": ""}),
        "peer": ("peer", venvs.torch, {"CUDA_VISIBLE_DEVICES": ""}),
        "kerascv": ("kerascv", venvs.keras_cv, {"CUDA_VISIBLE_DEVICES": ""}),
    }

    def __init__(self, threads, log):
        self.threads, self.log = threads, log
        self.running, self.pythons, self.missing = {}, {}, {}

    def start(self, side):
        """A fresh worker of `side`."""
        folder, python, environment = self.SIDES[side]
        if side in self.missing:
            raise Failed(self.missing[side])
        if side not in self.pythons:
            try:
                self.pythons[side] = python()
            except RuntimeError as error:
                self.missing[side] = str(error)
                raise Failed(str(error)) from error
        return Worker(self.pythons[side], folder, self.threads, self.log, environment.items())

    def __getitem__(self, side):
        if side not in self.running:
            self.running[side] = self.start(side)
        return self.running[side]

    def drop(self):
        """Every worker forgets its contestants; one that does not answer is replaced later."""
        for side, worker in list(self.running.items()):
            try:
                worker.ask(do="drop")
            except Failed:
                del self.running[side]

    def versions(self):
        found = {}
        for worker in self.running.values():
            found |= worker.ask(do="versions")
        return found

    def close(self):
        for worker in self.running.values():
            worker.close()


def machine():
    """What the figures were measured on."""
    return {
        "cpu": cpu_name(),
        "vectors": _vectors(),
        "cores": os.cpu_count(),
        "system": platform.system(),
    }


def _vectors():
    """The widest vectors that the processor computes with: its name says little in a cloud."""
    try:
        flags = pathlib.Path("/proc/cpuinfo").read_text(errors="replace").split()
    except OSError:
        return ""
    found = (said for flag, said in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags)
    return next(found, "")
