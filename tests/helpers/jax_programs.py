"""Programs of `tests/helpers` in processes of their own, on simulated devices."""

import os
import subprocess
import sys


def start(script, *arguments, backend="jax", devices=1):
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    }
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.helpers.{script}", *map(str, arguments)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(*programs):
    outputs = [program.communicate()[1] for program in programs]
    for program, output in zip(programs, outputs, strict=True):
        assert program.returncode == 0, output[-3000:]
