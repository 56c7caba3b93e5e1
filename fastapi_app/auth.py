"""Who is asking: by a session's cookie or a bearer token, and what they may do."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Scope

from core.accounts import LONGEST_KEPT_STAY, Accounts
from core.people import Role, SignedIn
from fastapi_app.sites import Site

COOKIE: Final = "holdfast_session"
COOKIE_OVER_TLS: Final = "__Host-holdfast_session"
"""Browsers take this name only from TLS, for this host alone."""

LONGEST_NEXT: Final = 2_000


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who is asking. `session` names the browser's session; None is a token's bearer, `local` a command's."""

    name: str
    role: Role
    session: str | None = None
    local: bool = False
    csrf_token: str = field(default="", repr=False)

    def may(self, needed: Role) -> bool:
        """Tell whether this person has that role or a higher one."""
        return self.role.covers(needed)


def person_of(scope: Scope, accounts: Accounts, site: Site) -> Person | None:
    """Return who asks, None for a stranger. A token that is named decides; no cookie mends it."""
    headers = Headers(scope=scope)
    if "authorization" in headers:
        scheme, _, token = headers["authorization"].partition(" ")
        known = accounts.token(token.strip()) if scheme.lower() == "bearer" else None
        return _person(known, "")
    value = cookie_of(scope, site)
    return _person(accounts.session(value), csrf_token_of(value)) if value else None


def _person(known: SignedIn | None, csrf_token: str) -> Person | None:
    if known is None:
        return None
    return Person(
        name=known.name, role=known.role, session=known.key, local=known.local, csrf_token=csrf_token
    )


def cookie_of(scope: Scope, site: Site) -> str:
    """Return the session's value as the browser sent it, nothing without one."""
    return HTTPConnection(scope).cookies.get(_cookie_name(site.is_https(scope)), "")


def csrf_token_of(value: str) -> str:
    """Return the token that forms of this session carry; who has it need not know the value."""
    return hmac.new(value.encode(), b"holdfast form", hashlib.sha256).hexdigest()


def masked(token: str) -> str:
    """Return a token of a form as a page carries it: another text each time.

    Where the same secret stood in every page, its length once compressed would tell it letter by letter (BREACH).
    """
    if not token:
        return ""
    mask = secrets.token_bytes(len(token) // 2)
    return (mask + _mixed(mask, bytes.fromhex(token))).hex()


def is_token(given: str, token: str) -> bool:
    """Tell whether this is the token, as `masked` returned it."""
    try:
        content = bytes.fromhex(given)
    except ValueError:
        return False
    secret = bytes.fromhex(token)
    if len(content) != 2 * len(secret):
        return False
    return hmac.compare_digest(_mixed(content[: len(secret)], content[len(secret) :]), secret)


def _mixed(mask: bytes, content: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(mask, content, strict=True))


def sign_in(connection: HTTPConnection, response: Response, value: str, *, long: bool = False) -> None:
    """Give the browser the value of its new session; without `long` it forgets it when it closes."""
    https = connection.app.state.house.site.is_https(connection.scope)
    response.set_cookie(
        _cookie_name(https),
        value,
        max_age=int(LONGEST_KEPT_STAY.total_seconds()) if long else None,
        path="/",
        secure=https,
        httponly=True,
        samesite="strict",
    )


def sign_out(connection: HTTPConnection, response: Response) -> None:
    """Let the browser forget its session; ending it on the server is `Accounts.end_session`."""
    https = connection.app.state.house.site.is_https(connection.scope)
    response.delete_cookie(_cookie_name(https), path="/", secure=https, httponly=True, samesite="strict")


def address_of(scope: Scope) -> str:
    """Return the network address that asks."""
    client = scope.get("client")
    return client[0] if client else ""


def local_path(wanted: str | None) -> str:
    """Return the page to go to after signing in: a path of ours, whatever was asked for.

    One that is too long to be carried along is dropped: it must not keep anybody out.
    """
    path = wanted if wanted and len(wanted) <= LONGEST_NEXT else "/"
    odd = any(ord(letter) < ord("!") or letter == "\\" for letter in path)
    return path if path.startswith("/") and not path.startswith("//") and not odd else "/"


def _cookie_name(https: bool) -> str:
    return COOKIE_OVER_TLS if https else COOKIE
