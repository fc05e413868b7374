"""Servers that are slow, lead astray or lie: a sentence within the time, and nothing lost."""

import hashlib
import json
import os
import signal
import subprocess
import sys

import pytest

import keras_center_ssl as kcs
from keras_center_ssl.zoo import fetch
from keras_center_ssl.zoo.http_client import RefusedError, get
from keras_center_ssl.zoo.transfer import Patience, TransferError, timeout_seconds
from tests.helpers.odd_server import odd_server

DATA = bytes(range(256)) * 400
FILE = {"size": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest()}
INDEX = json.dumps({"schema_version": 1, "models": {"tiny": {"files": {"encoder.onnx": FILE}}}})
# Seconds without progress, for what sends nothing or a hundred bytes a second.
SHORT = 0.4
SLOW = ("silent", "headers drip", "body drips", "stalls in the body")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(fetch, "PAUSE", 0)


def good(handler, path, headers):
    """What a server does that is in order."""
    data = INDEX.encode() if path.endswith("index.json") else DATA
    begin = int(headers.get("range", "bytes=0-")[len("bytes=") : -1])
    if begin:
        stated = f"Content-Range: bytes {begin}-{len(data) - 1}/{len(data)}"
        length = f"Content-Length: {len(data) - begin}"
        return handler.send_ok(data[begin:], stated, length, status="206 Partial Content")
    return handler.send_ok(data, f"Content-Length: {len(data)}")


def for_file(fault):
    """A server whose index is in order and whose file is not."""

    def answer(handler, path, headers):
        (good if path.endswith("index.json") else fault)(handler, path, headers)

    return answer


def redirect(target):
    return lambda handler, path, headers: handler.send_ok(
        b"", f"Location: {target}", "Content-Length: 0", status="302 Found"
    )


def status(line):
    return lambda handler, path, headers: handler.send_ok(b"no", status=line)


def sends(data, *headers, line="200 OK"):
    return lambda handler, path, _: handler.send_ok(data, *headers, status=line)


def drip_headers(handler, path, headers):
    handler.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    handler.drip()


def drip_body(handler, path, headers):
    handler.send_ok(b"", f"Content-Length: {len(DATA)}")
    handler.drip()


def stall_in_body(handler, path, headers):
    handler.send_ok(DATA[:100], f"Content-Length: {len(DATA)}")
    handler.stay_silent()


def endless_redirects(handler, path, headers):
    redirect(f"/more/{len(handler.server.requests)}{path[-30:]}")(handler, path, headers)


def endless_body(handler, path, headers):
    handler.send_ok(b"")
    while True:
        handler.send(DATA)


FAULTS = {
    "silent": (lambda handler, *_: handler.stay_silent(), r"no byte came in 0\.4 s"),
    "headers drip": (drip_headers, r"no byte came in 0\.4 s"),
    "body drips": (drip_body, r"only \d+ bytes came in 0\.4 s"),
    "stalls in the body": (stall_in_body, r"only \d+ bytes came in 0\.4 s"),
    "to a file": (redirect("file:///etc/passwd"), "redirects to 'file:///etc/passwd'; followed"),
    "to ftp": (redirect("ftp://127.0.0.1/x"), "redirects to 'ftp://"),
    "to no address": (redirect("http://[half"), "redirects to an address that is not usable"),
    "to a port that cannot be": (redirect("http://host:99999999/"), "not usable"),
    "in a circle": (redirect("/tiny/encoder.onnx"), "redirects in a circle"),
    "without end": (endless_redirects, "redirects more than 10 times"),
    "to nowhere": (status("302 Found"), "redirects without saying where to"),
    "401": (status("401 Unauthorized"), "HTTP 401 Unauthorized"),
    "403": (status("403 \x1b[2JNo"), r"HTTP 403 Forbidden\.$"),
    "404": (status("404 Not Found"), "lacks 'tiny/encoder.onnx'"),
    "429": (status("429 Too Many Requests"), "broke off: HTTP 429"),
    "500": (status("500 Internal Server Error"), "broke off: HTTP 500"),
    "204": (status("204 No Content"), "HTTP 204"),
    "range without need": (
        sends(DATA[9:], "Content-Range: bytes 9-102399/102400", line="206 Partial Content"),
        "another part of the file",
    ),
    "206 without range": (sends(DATA, line="206 Partial Content"), "another part of the file"),
    "compressed": (sends(DATA, "Content-Encoding: gzip"), "sends it compressed"),
    "a web page": (
        sends(b"<html>", "Content-Type: text/html", "Content-Length: 6"),
        "sends a web page instead",
    ),
    "a web page without length": (sends(b"<html>", "Content-Type: text/html"), "broke off"),
    "shorter": (sends(DATA[:-1], f"Content-Length: {len(DATA) - 1}"), "102399 of 102400 bytes"),
    "cut short": (
        lambda handler, path, headers: handler.send_ok(b"", f"Content-Length: {len(DATA)}"),
        "the connection closed early",
    ),
    "longer": (sends(DATA + b"!", f"Content-Length: {len(DATA) + 1}"), "not kept"),
    "endless": (endless_body, "not kept"),
    "other content": (sends(DATA[::-1]), "not kept"),
    "no HTTP": (lambda handler, *_: handler.send(b"220 ftp ready\r\n"), "no valid HTTP"),
    "endless header": (lambda handler, *_: handler.send(b"HTTP/1.1 200 OK\r\nX: " + DATA), "HTTP"),
    "closes": (lambda handler, *_: None, "the connection closed early"),
}


# Faults that only the hash tells from the file.
OTHER_CONTENT = ("body drips", "other content", "endless", "a web page without length")


def timeout_for(fault):
    return SHORT if fault in SLOW else 60


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_a_sentence_and_no_file(tmp_path, fault):
    answer, message = FAULTS[fault]
    with odd_server(for_file(answer)) as server:
        with pytest.raises(kcs.InputError, match=message) as caught:
            kcs.zoo.download("tiny", "onnx", server.address, tmp_path, timeout=timeout_for(fault))
        (problem,) = kcs.zoo.verify("tiny", server.address, timeout=timeout_for(fault))["tiny"]
    assert "\x1b" not in str(caught.value) + problem
    assert not list(tmp_path.rglob("encoder.onnx"))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_loses_nothing_of_what_had_arrived(tmp_path, fault):
    def cut(handler, path, headers):
        handler.send_ok(DATA[:50_000], f"Content-Length: {len(DATA)}")
        handler.server.answer = for_file(status("503 Later"))

    with odd_server(for_file(cut)) as server:
        with pytest.raises(kcs.InputError, match="50000 of 102400 bytes are kept"):
            kcs.zoo.download("tiny", "onnx", server.address, tmp_path)
        server.answer = for_file(FAULTS[fault][0])
        with pytest.raises(kcs.InputError):
            kcs.zoo.download("tiny", "onnx", server.address, tmp_path, timeout=timeout_for(fault))
        server.answer = good
        path = kcs.zoo.download("tiny", "onnx", server.address, tmp_path)
        assert path.read_bytes() == DATA
        kept = {p.name for p in tmp_path.rglob("*") if p.is_file()}
        assert kept == {"encoder.onnx", ".zoo.json"}
        # It went on where no other content had been sent for the whole of it.
        resumed = "range" in server.requests[-1][1]
        assert resumed == (fault not in OTHER_CONTENT)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_index_is_a_sentence(fault):
    with odd_server(FAULTS[fault][0]) as server:
        with pytest.raises(kcs.InputError, match="zoo") as caught:
            kcs.zoo.list_models(server.address, timeout=timeout_for(fault))
    assert "\x1b" not in str(caught.value)


def test_a_connection_that_died_in_silence_is_tried_anew(tmp_path):
    def once(handler, path, headers):
        handler.server.answer = good
        stall_in_body(handler, path, headers)

    with odd_server(for_file(once)) as server:
        path = kcs.zoo.download("tiny", "onnx", server.address, tmp_path, timeout=3)
        assert path.read_bytes() == DATA
        assert server.requests[-1][1]["range"] == "bytes=100-"


def test_a_body_without_length_is_taken_when_it_is_right(tmp_path):
    with odd_server(for_file(sends(DATA))) as server:
        path = kcs.zoo.download("tiny", "onnx", server.address, tmp_path)
    assert path.read_bytes() == DATA


def test_redirects_to_http_are_followed_without_credentials(tmp_path):
    with odd_server(good) as other, odd_server(None) as server:
        server.answer = redirect(other.address + "/index.json")
        with get(server.address, Patience(9), {"X-A": "b"}, {"authorization": "secret"}) as answer:
            assert answer.read(10) == INDEX.encode()[:10]
        assert server.requests[0][1]["authorization"] == "secret"
        assert "authorization" not in other.requests[0][1]
        assert other.requests[0][1]["x-a"] == "b"


def test_from_https_only_to_https():
    from keras_center_ssl.zoo.http_client import _target

    with pytest.raises(RefusedError, match="not encrypted"):
        _target("https://host/a", "http://host/a")
    assert _target("https://host/a/b", "../c d") == "https://host/c%20d"


def test_progress_begins_before_the_first_byte(tmp_path):
    seen = []
    with odd_server(for_file(drip_body)) as server, pytest.raises(kcs.InputError):
        kcs.zoo.download(
            "tiny", "onnx", server.address, tmp_path, lambda *s: seen.append(s), timeout=SHORT
        )
    assert seen[0] == ("tiny/encoder.onnx", 0, len(DATA))


@pytest.mark.parametrize("value", ["abc", "0", "-1", "nan", "inf"])
def test_the_time_is_a_number_above_0(monkeypatch, value):
    monkeypatch.setenv("KERAS_CENTER_SSL_TIMEOUT", value)
    with pytest.raises(kcs.InputError, match=f"KERAS_CENTER_SSL_TIMEOUT .* received '{value}'"):
        kcs.zoo.list_models("http://127.0.0.1:1")
    monkeypatch.setenv("KERAS_CENTER_SSL_TIMEOUT", "7")
    assert timeout_seconds() == 7 and timeout_seconds(3) == 3


def test_patience_ends_for_silence_trickles_and_in_all(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("keras_center_ssl.zoo.transfer.time.monotonic", lambda: now[0])
    patience = Patience(10, total=100)
    assert patience.wait() == 5
    now[0] = 9
    patience.received(10 * 1024)  # progress: the clock starts anew
    now[0] = 18
    assert patience.wait() == 1
    patience.received(10)
    now[0] = 19.5
    with pytest.raises(TransferError, match="only 10 bytes came in 10 s"):
        patience.wait()
    patience.received(10**6)
    now[0] = 101
    with pytest.raises(TransferError, match="not complete after 100 s"):
        patience.wait()


def test_a_killed_download_leaves_no_lock(tmp_path):
    program = "import sys, keras_center_ssl as kcs\nkcs.zoo.download('tiny', 'onnx', *sys.argv[1:])"
    with odd_server(for_file(stall_in_body)) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", program, server.address, str(tmp_path)],
            stderr=subprocess.DEVNULL,
        )
        while not any(tmp_path.rglob("*.part")):
            assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        server.answer = good
        assert kcs.zoo.download("tiny", "onnx", server.address, tmp_path).read_bytes() == DATA


def test_no_room_is_a_sentence_and_the_beginning_stays(tmp_path):
    program = """
import resource, sys
import keras_center_ssl as kcs
kcs.zoo.download
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    kcs.zoo.download("tiny", "onnx", *sys.argv[1:])
except kcs.InputError as error:
    print(error)
"""
    with odd_server(good) as server:
        command = [sys.executable, "-c", program, server.address, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert "Cannot write" in done.stdout and "no room left" in done.stdout, done.stderr
        assert len(server.requests) == 2  # it was not tried again and again
        path = kcs.zoo.download("tiny", "onnx", server.address, tmp_path)
        assert path.read_bytes() == DATA
        assert server.requests[-1][1]["range"] == "bytes=50000-"


def test_the_hub_is_asked_where_hf_endpoint_points(tmp_path):
    program = """
import sys, keras_center_ssl as kcs
print(kcs.zoo.download("tiny", "onnx", "hf://owner/repo@v1", sys.argv[1]).read_bytes()[:3])
"""
    with odd_server(good) as server:
        environment = {**os.environ, "HF_ENDPOINT": server.address, "HF_TOKEN": "hf_secret"}
        environment.pop("HF_HUB_OFFLINE", None)
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.stdout.strip() == repr(DATA[:3]), done.stderr
        assert [path for path, _ in server.requests] == [
            "/owner/repo/resolve/v1/index.json",
            "/owner/repo/resolve/v1/tiny/encoder.onnx",
        ]
        assert {headers["authorization"] for _, headers in server.requests} == {"Bearer hf_secret"}
        environment["HF_HUB_OFFLINE"] = "1"
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            env=environment,
            capture_output=True,
            text=True,
        )
    assert "HF_HUB_OFFLINE is set" in done.stderr
