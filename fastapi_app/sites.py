"""At which addresses this Holdfast answers, and which pages may ask it for something."""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from core.settings import Settings

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
SCHEMES: Final = {"ws": "http", "wss": "https"}


class Site:
    """The addresses of one Holdfast: this machine's own, the one it listens on, the public one."""

    def __init__(self, settings: Settings) -> None:
        self._public = settings.public_origin
        public_host = urlsplit(self._public).netloc if self._public else ""
        self._public_host = public_host
        own = settings.host if ":" not in settings.host else f"[{settings.host}]"
        self._names = LOOPBACK_NAMES | ({own.lower()} if own not in {"0.0.0.0", "[::]"} else set())  # noqa: S104

    def origin_of(self, scope: Scope) -> str | None:
        """Return the origin that a page of ours at this address has; None if it is not ours.

        A name that is not on the list may be anybody's who lets it point here.
        """
        host = _only(Headers(scope=scope).getlist("host")).lower()
        if host and host == self._public_host:
            return self._public
        name, port = _split(host)
        if name not in self._names or not (port == "" or port.isdigit()):
            return None
        return f"{SCHEMES.get(scope['scheme'], scope['scheme'])}://{host}"

    def is_https(self, scope: Scope) -> bool:
        """Tell whether the browser that asks came by TLS."""
        return (self.origin_of(scope) or "").startswith("https:")

    def asked_by_own_page(self, scope: Scope) -> bool:
        """Tell whether the browser says that a page of this very address asks.

        Another program on this machine is the same site to a browser, but not the same origin.
        """
        headers = Headers(scope=scope)
        sender = headers.getlist("sec-fetch-site")
        if sender and _only(sender) not in {"same-origin", "none"}:
            return False
        origin = headers.getlist("origin")
        if origin:
            return _only(origin).lower() == self.origin_of(scope)
        return _only(sender) == "same-origin"

    def asked_by_other_page(self, scope: Scope) -> bool:
        """Tell whether a browser asks for a page that is not ours; programs say nothing of that."""
        headers = Headers(scope=scope)
        return ("origin" in headers or "sec-fetch-site" in headers) and not self.asked_by_own_page(scope)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _only(values: list[str]) -> str:
    """Return the one value; a header that comes twice says nothing."""
    return values[0] if len(values) == 1 else ""


def _split(host: str) -> tuple[str, str]:
    name, colon, port = host.rpartition(":")
    if not colon or port.endswith("]"):
        return host, ""
    return name, port
