"""Who comes in: decided for every request before anything of its body is read.

Nobody comes in by default. What strangers may ask for is listed in `PUBLIC`; what each role may
do, in `ROLES`. Both are looked up with the path that is routed.
"""

from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.acting import Actor, acting_as
from core.errors import HoldfastError
from core.people import Role
from fastapi_app.auth import Person, address_of, is_token, person_of
from fastapi_app.errors import answered
from fastapi_app.house import House
from fastapi_app.refusals import (
    AskedByOtherPage,
    FormOutdated,
    NotAllowed,
    NotSignedIn,
    SetUpFirst,
    TooLarge,
    UnknownMethod,
    WrongHost,
)

PUBLIC: Final = (
    ("GET", "/login"),
    ("POST", "/login"),
    ("GET", "/setup"),
    ("POST", "/setup"),
    ("GET", "/health"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/static/*"),
    ("POST", "/api/v1/auth/token"),
)
"""What strangers may ask for. "*" stands for any rest."""

BEFORE_SET_UP: Final = frozenset({"/setup", "/health", "/livez", "/readyz", "/static/*"})
"""What of it there is before the first account."""

FORMS_OF_STRANGERS: Final = frozenset({"/login", "/setup"})
READING: Final = frozenset({"GET", "HEAD"})
METHODS: Final = READING | {"POST", "PATCH", "DELETE"}

ROLES: Final = (
    ("/jobs", Role.OPERATOR),
    ("/runs", Role.OPERATOR),
    ("/trials", Role.OPERATOR),
    ("/dead-letters", Role.OPERATOR),
    ("/queue", Role.OPERATOR),
    ("/breakers", Role.OPERATOR),
    ("/kinds", Role.OPERATOR),
    ("/notifications/read", Role.VIEWER),
    ("/logout", Role.VIEWER),
    ("/preferences", Role.VIEWER),
    ("/settings/you", Role.VIEWER),
    ("/sessions", Role.VIEWER),
    ("/tokens", Role.VIEWER),
)
"""Who may change what is below a path, on pages and below /api/v1 alike. The rest is an admin's."""

DENIED_AGAIN_AFTER: Final = 10.0
COMMAND_LINE: Final = "command line"
LARGEST_BODY: Final = 1_000_000
LARGEST_BODY_OF_STRANGERS: Final = 16_384
LONGEST_LENGTH: Final = 18
FORM: Final = "application/x-www-form-urlencoded"


class Gate:
    """Stands before every route."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self._app = app
        self._house = house
        self._denied: dict[str, float] = {}
        """When a denial of each person was last noted."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            person = self._admit(scope)
            if person is not None and _needs_the_sessions_token(scope, person):
                receive = await _with_the_sessions_token(scope, receive, person)
        except HoldfastError as error:
            if isinstance(error, NotAllowed):
                await self._note_denial(scope, error)
            response = await answered(scope, error)
            await response(scope, receive, send)
            return
        with acting_as(actor_of(scope, person)):
            await self._app(scope, _limited(receive, _most_from(person)), send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in who is signed in and comes from a page of ours; the rest is told 403, no more."""
        accounts, site = self._house.accounts, self._house.site
        person = person_of(scope, accounts, site)
        bearer = person is not None and person.session is None
        ours = not site.asked_by_other_page(scope) if bearer else site.asked_by_own_page(scope)
        if site.origin_of(scope) is None or person is None or not ours:
            await send({"type": "websocket.close", "code": 1008})
            return
        scope.setdefault("state", {})["person"] = person
        await self._app(scope, receive, send)

    async def _note_denial(self, scope: Scope, error: NotAllowed) -> None:
        """Write into the audit who may not do what they asked for; of the same person once in a while."""
        person = person_of(scope, self._house.accounts, self._house.site)
        now = self._house.service.clock.monotonic()
        name = person.name if person is not None else ""
        if now - self._denied.get(name, float("-inf")) < DENIED_AGAIN_AFTER:
            return
        self._denied[name] = now
        actor = actor_of(scope, person)
        words = f"{scope['method']} {scope['path']:.200} was denied. {error}"
        note = self._house.service.audit.note
        await run_in_threadpool(note, "denied", words, by=actor.name, origin=actor.origin)

    def _admit(self, scope: Scope) -> Person | None:
        """Return who may go on, None for a stranger at a public place; raises what is wrong."""
        site, accounts = self._house.site, self._house.accounts
        method, path = scope["method"], scope["path"]
        if method not in METHODS:
            raise UnknownMethod
        if site.origin_of(scope) is None:
            raise WrongHost
        public = public_place(method, path)
        person = person_of(scope, accounts, site)  # before the first account, this machine's commands
        scope.setdefault("state", {})["person"] = person
        if accounts.needs_set_up and person is None and public not in BEFORE_SET_UP:
            raise SetUpFirst
        if public is None and person is None:
            raise NotSignedIn
        if _length(scope) > _most_from(person):
            raise TooLarge
        if method not in READING:
            self._check_page(scope, person)
        if public is None and person is not None and not person.may(needed := role_for(method, path)):
            raise NotAllowed(person.role, needed)
        return person

    def _check_page(self, scope: Scope, person: Person | None) -> None:
        """Raise AskedByOtherPage for a write that a page of somebody else's may have sent."""
        site = self._house.site
        by_browser = scope["path"] in FORMS_OF_STRANGERS or (person is not None and person.session)
        if not site.asked_by_own_page(scope) if by_browser else site.asked_by_other_page(scope):
            raise AskedByOtherPage


def actor_of(scope: Scope, person: Person | None) -> Actor:
    """Return on whose behalf everything is done that this request leads to, in whatever thread."""
    origin = COMMAND_LINE if person is not None and person.local else address_of(scope)
    admin = person is not None and person.may(Role.ADMIN)
    return Actor(name=person.name if person is not None else "", origin=origin, admin=admin)


def public_place(method: str, path: str) -> str | None:
    """Return the place in `PUBLIC` that this is; None is behind the door."""
    asked = "GET" if method == "HEAD" else method
    for allowed, place in PUBLIC:
        beginning, star, _ = place.partition("*")
        if asked == allowed and (path.startswith(beginning) if star else path == place):
            return place
    return None


def role_for(method: str, path: str) -> Role:
    """Return the role that this takes."""
    if method in READING:
        return Role.VIEWER
    place = path.removeprefix("/api/v1")
    for beginning, role in ROLES:
        if place == beginning or place.startswith(f"{beginning}/"):
            return role
    return Role.ADMIN


def _needs_the_sessions_token(scope: Scope, person: Person) -> bool:
    method, path = scope["method"], scope["path"]
    return person.session is not None and method not in READING and public_place(method, path) is None


async def _with_the_sessions_token(scope: Scope, receive: Receive, person: Person) -> Receive:
    """Return how to read the body once the session's token was found; raises FormOutdated.

    It comes as the header X-CSRF-Token or, from a form without scripts, as its field `csrf`.
    """
    headers = Headers(scope=scope)
    given = headers.get("x-csrf-token")
    if given is None and headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        body = await _whole_body(receive)
        given = _field(body, "csrf")
        receive = _replaying(body, receive)
    if given is None or not is_token(given, person.csrf_token):
        raise FormOutdated
    return receive


def _most_from(person: Person | None) -> int:
    """Return how many bytes a body may have; reading many keys keeps others waiting."""
    return LARGEST_BODY_OF_STRANGERS if person is None else LARGEST_BODY


def _limited(receive: Receive, most: int) -> Receive:
    """Return how to read the body as far as it may go; one that is announced too long never came here."""
    size = 0

    async def receive_some() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    return receive_some


async def _whole_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise TooLarge
        if not message.get("more_body", False):
            return bytes(body)


def _replaying(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _field(body: bytes, name: str) -> str | None:
    try:
        fields = parse_qs(body.decode("latin-1"), max_num_fields=1_000)
    except ValueError:
        return None
    return fields.get(name, [None])[0]


def _length(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return (
        int(length)
        if length.isascii() and length.isdigit() and len(length) <= LONGEST_LENGTH
        else LARGEST_BODY + 1
    )
