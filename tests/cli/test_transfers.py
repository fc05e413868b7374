"""What is seen of a download."""

import io

from keras_center_ssl.cli.terminal import Terminal
from keras_center_ssl.cli.transfers import TransferProgress


def shown(terminal):
    file = io.StringIO()
    console = Terminal(file=file, force_terminal=terminal, width=100)
    with TransferProgress(console) as progress:
        for done in (0, 500, 1000):
            progress.report("tiny/[red]encoder.onnx", done, 1000)
    return file.getvalue()


def test_a_pipe_gets_a_line_when_a_file_begins():
    assert shown(False) == "Downloading tiny/[red]encoder.onnx (1,000 bytes)\n"


def test_a_terminal_gets_a_bar():
    text = shown(True)
    assert "tiny/[red]encoder.onnx" in text and "kB" in text


def test_a_slow_file_gets_a_line_now_and_then(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("keras_center_ssl.cli.transfers.time.monotonic", lambda: now[0])
    file = io.StringIO()
    with TransferProgress(Terminal(file=file, force_terminal=False)) as progress:
        for second in range(12):
            now[0] = float(second)
            progress.report("x", second, 100)
    assert file.getvalue().splitlines() == [
        "Downloading x (100 bytes)",
        "Downloading x: 5 of 100 bytes",
        "Downloading x: 10 of 100 bytes",
    ]
