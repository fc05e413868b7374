"""`center-ssl serve` as a process: it answers, and ends when it is asked to."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.helpers.light_python import HEAVY, run_without

ENCODER = pathlib.Path(__file__).parents[2] / "zoo" / "quickstart-fashion-mnist" / "encoder.onnx"


def test_it_serves_and_stops_gracefully(tmp_path):
    pytest.importorskip("fastapi", reason="the extra 'service' (FastAPI) is not installed")
    pytest.importorskip("uvicorn", reason="the extra 'service' (uvicorn) is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "log"
    with open(log, "w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "keras_center_ssl.cli", "serve", str(ENCODER), f"--port={port}"],
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=pathlib.Path(__file__).parents[2],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                address = f"http://127.0.0.1:{port}/readyz"
                assert urllib.request.urlopen(address, timeout=5).read() == b'{"status":"ready"}'
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    finally:
        process.kill()
    text = log.read_text()
    assert "quickstart-fashion-mnist: (28, 28, 1) to 256 features" in text
    assert "Application shutdown complete" in text and "Traceback" not in text
    # uvicorn gives the signal on when it has stopped.
    assert process.returncode in (0, -signal.SIGTERM)


def test_without_the_extra_it_says_what_to_install():
    program = "from keras_center_ssl.cli import main; import sys; main()"
    done = run_without(
        program, "serve", str(ENCODER), names=(*HEAVY, "fastapi", "uvicorn"), timeout=60
    )
    assert done.returncode == 1
    assert re.search(r"center-ssl serve needs FastAPI and uvicorn.*\[service\]", done.stderr)
