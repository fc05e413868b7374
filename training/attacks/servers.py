"""Servers that stall, lie or lead in circles: a download ends in words, and keeps nothing bad."""

import contextlib
import hashlib
import http.server
import json
import threading
import time

from case import HEAVY
from damage import damaged_bytes

NAME = "quickstart-fashion-mnist"


def attack(case):
    """A download from a server that misbehaves at one kind of file, at one place."""
    target = case.pick(["index.json", "encoder.onnx", "README.md"])
    way = case.pick(sorted(WAYS))
    with served(case, target, WAYS[way]) as address:
        ended = case.run(
            "zoo",
            *case.pick(
                [
                    ("download", NAME, "--format", "onnx"),
                    ("show", NAME),
                    ("list",),
                    ("verify",),
                ]
            ),
            "--source",
            address,
            limit=HEAVY,
        )
    faults = [ended.fault()]
    index = json.loads((case.stage.zoo / "index.json").read_text())
    files = index["models"][NAME]["files"]
    for path in (case.folder / "cache").rglob("*"):
        relative = path.as_posix().partition(f"{NAME}/")[2]
        if path.is_file() and relative in files:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
            if found != files[relative]["sha256"]:
                faults.append(f"{way}: {relative} has its name in the cache and another content")
    return [f"server that does {way!r} at {target}: {fault}" for fault in faults if fault]


@contextlib.contextmanager
def served(case, target, way):
    """The checkout's zoo over HTTP; requests for `target` are answered by `way`."""
    stopped = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            path = case.stage.zoo / self.path.lstrip("/").partition("?")[0]
            content = path.read_bytes() if path.is_file() else None
            with contextlib.suppress(OSError):
                if content is None and not self.path.startswith("/loop"):
                    self.send_error(404)
                elif self.path.endswith(target) or self.path.startswith("/loop"):
                    way(self, content or b"", case, stopped)
                else:
                    answer(self, content)
            self.close_connection = True

        do_HEAD = do_GET

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()


def answer(handler, content, length=None, status=200, **headers):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(content)


def _stalls(handler, content, case, stopped):
    stopped.wait(2 * HEAVY)


def _stalls_midway(handler, content, case, stopped):
    answer(handler, content[: len(content) // 2], length=len(content))
    handler.wfile.flush()
    stopped.wait(2 * HEAVY)


def _drips(handler, content, case, stopped):
    answer(handler, b"", length=len(content))
    for byte in content:
        if stopped.is_set():
            return
        handler.wfile.write(bytes([byte]))
        time.sleep(1)


def _lies_short(handler, content, case, stopped):
    answer(handler, content, length=len(content) // 2)


def _lies_long(handler, content, case, stopped):
    answer(handler, content, length=len(content) + 1000)


def _never_ends(handler, content, case, stopped):
    handler.send_response(200)
    handler.end_headers()
    while not stopped.is_set():
        handler.wfile.write(bytes(1 << 16))


def _claims_terabytes(handler, content, case, stopped):
    answer(handler, content, length=10**13)


def _other_content(handler, content, case, stopped):
    answer(handler, damaged_bytes(content or b"?", case))


def _redirects_in_a_circle(handler, content, case, stopped):
    answer(handler, b"", status=302, Location="/loop/a")


def _redirects_to_a_file(handler, content, case, stopped):
    answer(handler, b"", status=302, Location="file:///etc/passwd")


def _redirects_nowhere(handler, content, case, stopped):
    answer(handler, b"", status=302, Location=case.pick(["", "http://", "ftp://127.0.0.1/x", "::"]))


def _fails(handler, content, case, stopped):
    answer(handler, b"<h1>no</h1>", status=int(case.pick([204, 206, 401, 416, 429, 500, 503, 599])))


def _is_no_server(handler, content, case, stopped):
    handler.wfile.write(case.pick([b"", b"\x00" * 100, b"HTTP/1.1 abc\r\n\r\n", b"SSH-2.0-x\r\n"]))


def _compresses(handler, content, case, stopped):
    answer(handler, content, Content_Encoding="gzip")


WAYS = {
    function.__name__.strip("_"): function
    for function in (
        _stalls,
        _stalls_midway,
        _drips,
        _lies_short,
        _lies_long,
        _never_ends,
        _claims_terabytes,
        _other_content,
        _redirects_in_a_circle,
        _redirects_to_a_file,
        _redirects_nowhere,
        _fails,
        _is_no_server,
        _compresses,
    )
}
