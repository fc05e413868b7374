"""A server that answers as it is told, right or wrong, byte by byte."""

import contextlib
import socketserver
import threading


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        path, headers = self._request()
        self.server.requests.append((path, headers))
        with contextlib.suppress(OSError):  # the client has had enough
            self.server.answer(self, path, headers)

    def _request(self):
        path = self.rfile.readline().decode().split(" ")[1]
        headers = {}
        while line := self.rfile.readline().decode().strip():
            key, value = line.split(": ", 1)
            headers[key.lower()] = value
        return path, headers

    def send(self, data):
        self.wfile.write(data)
        self.wfile.flush()

    def send_ok(self, data, *headers, status="200 OK"):
        lines = [f"HTTP/1.1 {status}", *headers, "Connection: close", "", ""]
        self.send("\r\n".join(lines).encode() + data)

    def drip(self, data=b"x", every=0.01):
        """Sends one byte after the other, until the client or the test ends."""
        while not self.server.over.wait(every):
            self.send(data)

    def stay_silent(self):
        """Sends nothing, until the test ends."""
        self.server.over.wait()


@contextlib.contextmanager
def odd_server(answer):
    """A server on which `answer(handler, path, headers)` writes what a request gets.

    Its `requests` are those that came, as `(path, headers)`; `answer` may be replaced.
    """

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), _Handler) as server:
        server.answer, server.requests, server.over = answer, [], threading.Event()
        server.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()
