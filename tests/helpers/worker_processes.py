"""Starts one command as several workers of a `MultiWorkerMirroredStrategy` on this machine."""

import contextlib
import json
import os
import socket
import subprocess


def run_workers(count, command):
    """Runs `command(index)`, a list of words, as `count` workers; returns their outputs.

    Raises AssertionError with the end of what a worker wrote if one fails; the others are ended.
    """
    with started_workers(count, command) as processes:
        outputs = [process.communicate(timeout=900)[0] for process in processes]
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output[-3000:]
    return outputs


@contextlib.contextmanager
def started_workers(count, command):
    """The processes of `count` workers that run `command(index)`, with their output in a pipe.

    What is left of them is ended with the block.
    """
    workers = [f"localhost:{port}" for port in free_ports(count)]
    processes = []
    for index in range(count):
        task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        processes.append(
            subprocess.Popen(
                [str(word) for word in command(index)],
                env={**os.environ, "TF_CONFIG": json.dumps(task)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
