"""HTTP for the zoo, on Python's own client.

Why not a kept client: pooch neither resumes, nor limits size or time. httpx has neither, too: its
timeouts are per read, so that a server that drips one byte a second is never too slow, and
resuming, size and hash would be ours all the same. What is left for a client to do is one GET
request at a time, and Python's `urllib` does that, with the system's certificates and proxies. Here
a clock is added that runs over headers and body alike, and redirects that lead to HTTP only.
"""

import functools
import http.client
import io
import string
import urllib.parse
import urllib.request

from keras_center_ssl._version import __version__
from keras_center_ssl.zoo.transfer import TransferError

MOST_REDIRECTS = 10

_REDIRECTS = (301, 302, 303, 307, 308)


class RefusedError(Exception):
    """An answer that will be the same next time, in words that go on after "the server"."""


def get(url, patience, headers, credentials):
    """Asks for a URL, goes where the server redirects to, and returns the open response.

    Args:
        url: An `http(s)://` address.
        patience: The `Patience` of the transfer, which runs while headers and body are read.
        headers: Header -> value.
        credentials: The same, for the host of `url` alone: not sent where it redirects to.

    Returns:
        An `Answer`, whatever its status.

    Raises:
        RefusedError: For redirects in a circle, without end, or to anything but HTTP.
        TransferError: If the server cannot be reached or gives no valid answer in time.
    """
    home, seen = _origin(url), []
    while True:
        seen.append(url)
        sent = {"User-Agent": _USER_AGENT, **headers}
        if _origin(url) == home:
            sent.update(credentials)
        response = _open(urllib.request.Request(url, headers=sent), patience)
        if response.status not in _REDIRECTS:
            return Answer(response, patience)
        response.close()
        url = _target(url, response.headers.get("Location"))
        if url in seen:
            raise RefusedError(f"redirects in a circle, back to {url!r}")
        if len(seen) > MOST_REDIRECTS:
            raise RefusedError(f"redirects more than {MOST_REDIRECTS} times")


class Answer:
    """A response whose body is read as it comes, as long as its `Patience` lasts.

    Attributes:
        status: The HTTP status, an int.
        headers: An `email.message.Message`.
        length: The length of the body as the server states it, in bytes, or `None`.
    """

    def __init__(self, response, patience):
        self.status, self.headers = response.status, response.headers
        self.length = response.length
        self._response, self._patience = response, patience

    @property
    def phrase(self):
        """Status in words, from the standard: the server's own could hold anything."""
        return f"HTTP {self.status} {http.client.responses.get(self.status, '')}".strip()

    def read(self, count):
        """Up to `count` bytes, as soon as there are any; none at the end.

        Raises:
            TransferError: If the connection breaks or is too slow.
        """
        self._patience.wait()
        try:
            chunk = self._response.read1(count)
        except (OSError, http.client.HTTPException) as error:
            raise TransferError(_words(error)) from error
        self._patience.received(len(chunk))
        return chunk

    def close(self):
        self._response.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


_USER_AGENT = f"keras-center-ssl/{__version__}"


def _open(request, patience):
    # Neither urllib's errors nor its redirects: a status is looked at by whoever asked.
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler(), _PatientHandler(patience)):
        opener.add_handler(handler)
    try:
        return opener.open(request, timeout=patience.wait())
    except (OSError, http.client.HTTPException) as error:
        raise TransferError(_words(error)) from error
    except (ValueError, OverflowError) as error:  # hosts and ports that cannot be
        raise RefusedError(f"has an address that is not usable ({error})") from error


def _words(error):
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, TimeoutError):
        return "the server was silent for too long"
    if isinstance(reason, (http.client.IncompleteRead, ConnectionError)):
        return "the connection closed early"
    if isinstance(reason, http.client.HTTPException) and not isinstance(reason, OSError):
        return "the server's answer is no valid HTTP"
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__


def _origin(url):
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc


def _target(url, location):
    """The address that a redirect leads to."""
    if not location:
        raise RefusedError("redirects without saying where to")
    try:
        # Spaces and signs outside ASCII, as browsers send them.
        quoted = urllib.parse.quote(location, encoding="iso-8859-1", safe=string.punctuation)
        target = urllib.parse.urljoin(url, quoted)
        parts = urllib.parse.urlsplit(target)
        parts.port  # noqa: B018 (raises where it cannot be one)
    except ValueError:
        raise RefusedError("redirects to an address that is not usable") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RefusedError(
            f"redirects to {target[:200]!r}; followed are redirects to http:// and https:// only"
        )
    if parts.scheme == "http" and url.startswith("https:"):
        raise RefusedError(f"redirects from https:// to {target[:200]!r}, which is not encrypted")
    return target


class _PatientHandler(urllib.request.HTTPHandler):
    """Opens connections whose answers are read with patience."""

    def __init__(self, patience):
        super().__init__()
        self._patience = patience

    def http_open(self, request):
        return self.do_open(functools.partial(self._connect, http.client.HTTPConnection), request)

    def https_open(self, request):
        return self.do_open(functools.partial(self._connect, http.client.HTTPSConnection), request)

    https_request = urllib.request.HTTPHandler.do_request_

    def _connect(self, kind, host, **options):
        connection = kind(host, **options)
        connection.response_class = functools.partial(_PatientResponse, self._patience)
        return connection


class _PatientResponse(http.client.HTTPResponse):
    """A response in which every byte counts, those of the headers too."""

    def __init__(self, patience, sock, *args, **kwargs):
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_PatientReader(self.fp.detach(), sock, patience))


class _PatientReader(io.RawIOBase):
    """What a socket brings, each wait as long as patience says.

    A timeout of the socket alone starts anew with every byte.
    """

    def __init__(self, raw, sock, patience):
        self._raw, self._sock, self._patience = raw, sock, patience

    def readable(self):
        return True

    def readinto(self, buffer):
        self._sock.settimeout(self._patience.wait())
        return self._raw.readinto(buffer)

    def close(self):
        self._raw.close()
        super().close()
