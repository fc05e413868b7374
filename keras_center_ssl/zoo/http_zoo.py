"""A zoo behind an `http(s)://` address."""

import re
import urllib.parse

from keras_center_ssl.errors import InputError
from keras_center_ssl.records import LARGEST
from keras_center_ssl.zoo import http_client
from keras_center_ssl.zoo.http_client import RefusedError
from keras_center_ssl.zoo.index import INDEX, parse_index
from keras_center_ssl.zoo.problems import changed, incomplete, refused, unreachable
from keras_center_ssl.zoo.transfer import Patience, TransferError

# An index, of which no progress is shown, may take this many times as long as is waited for
# progress.
_INDEX_TIMEOUTS = 4

# 408 timeout, 425 too early, 429 too many requests.
_MAY_PASS = (408, 425, 429)


class HttpZoo:
    """A zoo behind an `http(s)://` base address.

    Args:
        address: The address of the folder that holds `index.json`.
        timeout: Seconds without progress after which a transfer ends.

    Attributes:
        index_sha256: The SHA-256 that the index has to have; `None` for any.
        index: The bytes of the index, once it was read.

    Raises:
        InputError: If the address is not usable.
    """

    index_sha256: str | None = None
    index: bytes = b""

    def __init__(self, address, timeout):
        try:
            parts = urllib.parse.urlsplit(address)
            usable = bool(parts.hostname) and parts.port != 0 and not parts.query + parts.fragment
        except ValueError:  # a port that is none, half an IPv6 address
            usable = False
        if not usable or "@" in parts.netloc or not address.isprintable():
            raise InputError(
                "The zoo's address is not usable: write it as https://host/folder, without a "
                f"password, ? and #; received {re.sub(r'//[^/]*@', '//...@', address)!r}."
            )
        self.address = address.rstrip("/")
        self.timeout = timeout

    def entries(self):
        """Name -> `ZooEntry`.

        Raises:
            InputError: If there is no zoo, it cannot be reached, or its index is invalid.
        """
        data = b""
        try:
            answer, _ = self.open(
                INDEX, patience=Patience(self.timeout, total=_INDEX_TIMEOUTS * self.timeout)
            )
            with answer:
                while len(data) <= LARGEST and (chunk := answer.read(LARGEST + 1 - len(data))):
                    data += chunk
            if len(data) < min(answer.length or 0, LARGEST):
                raise TransferError("the connection closed early")
        except TransferError as error:
            raise unreachable(self.address, error) from error
        self.index = data
        return parse_index(data, self.address, self.index_sha256)

    def open(self, path, offset=0, size=None, patience=None):
        """A stream of a file from byte `offset` on, and the offset that it really begins at.

        Args:
            path: The file, relative to the zoo, with `/`.
            offset: Where to begin. A server without ranges begins at 0.
            size: How long the file should be, in bytes, where that is known.
            patience: The `Patience` of the transfer.

        Returns:
            A stream with `read(count)`, which is a context manager, and its offset.

        Raises:
            InputError: If the server will not give the file, or says it has another size.
            TransferError: If it may work later.
        """
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        try:
            answer = http_client.get(self._url(path), patience, headers, self._credentials())
            try:
                if answer.status == 416 and offset:  # the part at hand is longer than the file
                    answer.close()
                    return self.open(path, 0, size, patience)
                return answer, self._begin(answer, path, offset, size)
            except BaseException:
                answer.close()
                raise
        except RefusedError as error:
            raise refused(self.address, path, error) from error

    def _begin(self, answer, path, offset, size):
        """The offset at which a good answer begins."""
        if answer.status in (404, 410):
            raise incomplete(self.address, path)
        if answer.status in _MAY_PASS or answer.status >= 500:
            raise TransferError(answer.phrase)
        if answer.status not in (200, 206):
            raise RefusedError(f"says {answer.phrase}{self._advice(answer.status)}")
        encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise RefusedError("sends it compressed, which was not asked for")
        begin = 0
        if answer.status == 206:
            stated = re.match(r"bytes (\d{1,18})-", answer.headers.get("Content-Range", ""))
            begin = int(stated[1]) if stated else None
            if begin != offset:
                raise TransferError("the server sent another part of the file than was asked for")
        if size is not None and answer.length is not None:
            self._check_end(answer, path, begin + answer.length, size)
        return begin

    def _check_end(self, answer, path, end, size):
        """Looks at the length that a server states, before anything at hand is overwritten."""
        if end != size and answer.headers.get_content_type() == "text/html":
            raise RefusedError("sends a web page instead")
        if end > size:
            raise changed(self.address, path, f"{end} bytes instead of {size}")
        if end < size and answer.status == 200:
            raise TransferError(f"the server has {end} of {size} bytes")

    def _advice(self, status):
        return ""

    def _url(self, path):
        return f"{self.address}/{urllib.parse.quote(path)}"

    def _credentials(self):
        return {}
