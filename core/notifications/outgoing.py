"""Asks other servers, as little trusting as can be: see `addresses` for whom.

A name is resolved once, every address it has is checked, and the connection goes to one of those: a name that means
something else a moment later changes nothing. No redirect is followed, no proxy asked, no cookie kept; an answer is
read for its status, and everything together takes ten seconds at most.
"""

import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpcore

from core.errors import HoldfastError, InvalidOptions
from core.notifications import addresses
from core.notifications.values import Outcome

PATIENCE: Final = 10.0
"""Seconds that asking may take, from the name to the last byte that is read."""

LARGEST_ANSWER: Final = 65_536
LONGEST_URL: Final = 2_000
GONE: Final = 410
PORTS: Final = {"http": 80, "https": 443}


def problem_of(url: str) -> str:
    """Return what is wrong with an address to be asked; nothing where it can be tried."""
    parts = _parts(url)
    if parts is None or parts.scheme not in PORTS or not parts.hostname:
        return "This is not an address such as https://example.org/hook."
    if parts.username or parts.password:
        return "A user and a password in the address are not sent. Leave them out."
    return ""


def _parts(url: str) -> SplitResult | None:
    odd = any(letter <= " " or letter == "\x7f" or not letter.isascii() for letter in url)
    if odd or len(url) > LONGEST_URL:
        return None
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")  # as whoever looks the name up does
        good = parts.port != 0
    except ValueError:
        return None
    return parts if good else None


class Client:
    """Asks, with or without the addresses of this machine and of private networks."""

    def __init__(self, *, private: bool, patience: float = PATIENCE) -> None:
        self._private = private
        self._patience = patience
        self._tls: ssl.SSLContext | None = None

    def get(self, url: str) -> Outcome:
        """Ask for a page, only to have been there."""
        return self._ask("GET", url, b"", {})

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Hand something over."""
        return self._ask("POST", url, body, headers)

    def _ask(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        if problem := problem_of(url):
            raise InvalidOptions({"url": problem})
        parts = urlsplit(url)
        wanted: dict[bytes | str, bytes | str] = {
            "Host": parts.netloc,
            "User-Agent": "Holdfast",
            "Accept": "*/*",
            "Connection": "close",
        }
        if method == "POST":
            wanted["Content-Length"] = str(len(body))
        try:
            return _verdict(self._status(method, url, body, wanted | dict(headers.items())))
        except HoldfastError as error:
            return Outcome(sent=False, words=str(error), again=False)
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            return Outcome(sent=False, words=self._in_words(error))

    def _in_words(self, error: Exception) -> str:
        cause = error.__cause__ or error.__context__ or error
        match error, cause:
            case httpcore.TimeoutException() | TimeoutError(), _:
                return f"The receiver did not answer within {self._patience:g} s."
            case socket.gaierror(), _:
                return "The receiver's name is not known to the resolver."
            case _, ssl.SSLError():
                return f"The receiver's certificate was not accepted ({cause.reason})."
            case ((httpcore.ConnectError() | OSError()), OSError()):
                return f"There is no way to the receiver: {(cause.strerror or 'it was refused').lower()}."
            case _:
                return "The receiver broke off, or what it says is not HTTP."

    def _status(self, method: str, url: str, body: bytes, headers: Mapping[bytes | str, bytes | str]) -> int:
        backend = _Guarded(private=self._private, until=time.monotonic() + self._patience)
        with (
            httpcore.ConnectionPool(
                ssl_context=self._context(), network_backend=backend, max_connections=1
            ) as pool,
            pool.stream(method, url, headers=headers, content=body) as answer,
        ):
            read = 0
            for piece in answer.iter_stream():
                read += len(piece)
                if read > LARGEST_ANSWER:  # its status is known; the rest is nobody's business
                    break
            return answer.status

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


def _verdict(status: int) -> Outcome:
    words = f"The receiver answered {status}."
    if 200 <= status < 300:  # noqa: PLR2004 - what HTTP calls success
        return Outcome(sent=True, words=words, status=status)
    if 300 <= status < 400:  # noqa: PLR2004 - as above
        words = f"The receiver answered {status}, which leads elsewhere; redirects are not followed."
    return Outcome(sent=False, words=words, again=status != GONE, status=status)


class _Guarded(httpcore.NetworkBackend):
    """Connects to checked addresses only, and lets nothing take longer than it may."""

    def __init__(self, *, private: bool, until: float) -> None:
        self._private = private
        self._until = until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - one span is for everything
        local_address: str | None = None,  # noqa: ARG002 - never wanted
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - as above
    ) -> httpcore.NetworkStream:
        """Return a connection to one of the addresses that the name has."""
        found = [
            str(each[4][0]) for each in socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        ]
        for address in found:
            addresses.check(address, private=self._private)
        failure: Exception | None = None
        for address in dict.fromkeys(found):
            try:
                return _Hurried(httpcore.SyncBackend().connect_tcp(address, port, self._left()), self._until)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError("no address")

    def _left(self) -> float:
        return left_until(self._until)


class _Hurried(httpcore.NetworkStream):
    """A connection on which nothing takes longer than there is time left."""

    def __init__(self, inner: httpcore.NetworkStream, until: float) -> None:
        self._inner = inner
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - as above
        """Return what comes."""
        return self._inner.read(max_bytes, left_until(self._until))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - as above
        """Hand over all of it."""
        self._inner.write(buffer, left_until(self._until))

    def close(self) -> None:
        """Let go."""
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - as above
    ) -> httpcore.NetworkStream:
        """Return the connection, encrypted and with its certificate checked."""
        inner = self._inner.start_tls(ssl_context, server_hostname, left_until(self._until))
        return _Hurried(inner, self._until)

    def get_extra_info(self, info: str) -> object:
        """Return what is known of the connection."""
        return self._inner.get_extra_info(info)


def left_until(until: float) -> float:
    """Return the seconds that are left; raises TimeoutError when none are."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
