"""One table from our errors to what is shown: a problem document (RFC 9457) or a page."""

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any, Final
from urllib.parse import quote, urlencode

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from core.accounts import WrongCredentials
from core.engines import sentence
from core.errors import (
    HoldfastError,
    InvalidOptions,
    NotFound,
    Refused,
    StorageFailed,
    StorageFull,
    VersionConflict,
    WrongState,
)
from core.tries import TooManyTries
from fastapi_app.auth import Person, local_path
from fastapi_app.headers import add_headers
from fastapi_app.layout import around, sent
from fastapi_app.refusals import (
    AskedByOtherPage,
    FormOutdated,
    MetricsRefused,
    NotAllowed,
    NotSignedIn,
    OnlyHere,
    SetUpFirst,
    TokensMakeNone,
    TooLarge,
    UnknownMethod,
    VersionRequired,
    WrongHost,
)

log = logging.getLogger(__name__)

STATUSES: Final[Mapping[type[HoldfastError], int]] = {
    NotFound: 404,
    VersionConflict: 409,
    WrongState: 409,
    InvalidOptions: 422,
    Refused: 422,
    StorageFull: 507,
    StorageFailed: 503,
    WrongCredentials: 401,
    TooManyTries: 429,
    NotSignedIn: 401,
    NotAllowed: 403,
    OnlyHere: 403,
    TokensMakeNone: 403,
    MetricsRefused: 403,
    AskedByOtherPage: 403,
    FormOutdated: 403,
    WrongHost: 421,
    UnknownMethod: 405,
    TooLarge: 413,
    VersionRequired: 428,
    HoldfastError: 500,
}
"""An error has the status of the nearest of its kinds that is named here."""

MOST_PROBLEMS: Final = 20
LONGEST_PLACE: Final = 100
CARE: Final = ("/store/backup", "/store/compact")
"""What looks after the store and changes nothing that is kept in it."""

TITLES: Final = {
    StorageFull.code: "The disk is full",
    StorageFailed.code: "This could not be kept",
    VersionConflict.code: "Someone else was first",
}
"""What a page calls an error whose status has no plain words."""

TITLES_OF: Final[Mapping[int, str]] = {
    HTTPStatus.FORBIDDEN: "Not for you to do",
    HTTPStatus.NOT_FOUND: "Not found",
    HTTPStatus.CONFLICT: "Not as it is now",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Too large",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Something is missing or wrong",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many tries",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A mistake of ours",
}
"""What a page calls an error of that status."""

SENTENCES: Final = {
    "extra_forbidden": "There is no such field.",
    "json_invalid": "This is not JSON.",
    "recursion_loop": "This is nested too deeply.",
}


class OurMistake(HoldfastError):
    """Something went wrong that nobody foresaw."""

    code = "internal"
    hint = "Try again. The server's log has the details; please report them."

    def __init__(self) -> None:
        super().__init__("Holdfast itself made a mistake.")


class Unanswerable(HoldfastError):
    """The address or the request is not one that anything here answers."""

    code = "not-answered"

    def __init__(self, status: int) -> None:
        self.code = HTTPStatus(status).phrase.lower().replace(" ", "-")
        super().__init__(_words_for(status), hint="Check the address and the request.")


def install(app: FastAPI) -> None:
    """Let every error that leaves a route become an answer."""
    app.add_exception_handler(HoldfastError, _for_ours)
    app.add_exception_handler(RequestValidationError, _for_invalid)
    app.add_exception_handler(HTTPException, _for_http)
    app.add_exception_handler(Exception, _for_mistake)


def status_of(error: HoldfastError) -> int:
    """Return the HTTP status that this error has."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def answer(scope: Scope, error: HoldfastError, status: int | None = None) -> Response:
    """Return what the one who asked is shown."""
    status = status or status_of(error)
    if isinstance(error, NotSignedIn):
        return _to_the_door(scope, error)
    if isinstance(error, StorageFailed):
        if scope["path"].removeprefix("/api/v1").startswith(CARE):
            log.warning("%s", error)  # no change was refused: those may be kept as ever
        else:
            scope["app"].state.house.disk.noted(error)
    response = _page(scope, error, status) if wants_html(scope) else _problem(error, status)
    if isinstance(error, TooManyTries):
        response.headers["Retry-After"] = str(error.wait_seconds)
    return response


def wants_html(scope: Scope) -> bool:
    """Tell whether a person with a browser asks."""
    accepted = Headers(scope=scope).get("accept", "")
    return "text/html" in accepted and not scope["path"].startswith("/api/")


def problem_of(error: HoldfastError, status: int) -> dict[str, Any]:
    """Return the problem document of an error."""
    problem: dict[str, Any] = {
        "type": f"urn:holdfast:problem:{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(error),
        "code": error.code,
        "hint": error.hint,
    }
    if isinstance(error, VersionConflict):
        problem["versions"] = {"expected": error.expected, "actual": error.actual}
    if isinstance(error, InvalidOptions):
        problem["problems"] = first_problems(error)
        problem["detail"] = " ".join(problem["problems"].values())
    return problem


def first_problems(error: InvalidOptions) -> dict[str, str]:
    """Return what is wrong, as much of it as somebody can read."""
    first = islice(error.problems.items(), MOST_PROBLEMS)
    return {place[:LONGEST_PLACE]: words for place, words in first}


def problems_in(errors: Sequence[Any]) -> dict[str, str]:
    """Return, for each field that was entered wrong, where it is and one sentence; never what it held."""
    problems = {}
    for error in errors[:MOST_PROBLEMS]:
        parts = [part for part in error["loc"][1:] if isinstance(part, str) and part != "[key]"]
        place = ".".join(parts) or "body"
        problems[place[:LONGEST_PLACE]] = SENTENCES.get(error["type"]) or sentence(error)
    return problems


def _problem(error: HoldfastError, status: int) -> Response:
    content = json.dumps(problem_of(error, status), ensure_ascii=True)
    return Response(content, status, media_type="application/problem+json")


async def answered(scope: Scope, error: HoldfastError, status: int | None = None) -> Response:
    """Return what `answer` returns; off the event loop where a whole page is drawn."""
    if _signed_in(scope) is not None and wants_html(scope):
        return await run_in_threadpool(answer, scope, error, status)
    return answer(scope, error, status)


def _page(scope: Scope, error: HoldfastError, status: int) -> Response:
    """Return the page about an error, within everything else for who is signed in.

    A mistake of ours stands alone: what draws the rest of the page may be what is broken.
    """
    house, person = scope["app"].state.house, _signed_in(scope)
    headers = Headers(scope=scope)
    if person is None or isinstance(error, OurMistake):
        shell = {"trouble": _trouble(scope), "whole": False}
    else:
        shell = {**around(house, person, house.position), "whole": True}
    content = house.templates.render(
        "pages/error.html",
        **shell,
        here="",
        theme=HTTPConnection(scope).cookies.get("theme", "auto"),
        status=status,
        title=TITLES.get(error.code) or TITLES_OF.get(status) or HTTPStatus(status).phrase.capitalize(),
        detail=str(error),
        hint=error.hint,
        code=error.code,
        kept=isinstance(error, StorageFailed),
        problems=error.problems if isinstance(error, InvalidOptions) else {},
    )
    return sent(content, status, headers.get("accept-encoding", ""))


def _signed_in(scope: Scope) -> Person | None:
    person: Person | None = scope.get("state", {}).get("person")
    return person


def _trouble(scope: Scope) -> str:
    """Return why changes cannot be kept, for whoever is signed in."""
    return scope["app"].state.house.disk.trouble if _signed_in(scope) is not None else ""


def _to_the_door(scope: Scope, error: NotSignedIn) -> Response:
    """Send a person to where they can come in; tell a program what is missing."""
    headers = Headers(scope=scope)
    place = "/setup" if isinstance(error, SetUpFirst) else _log_in(scope, headers)
    if headers.get("hx-request") == "true":
        response = _problem(error, HTTPStatus.UNAUTHORIZED)
        response.headers["HX-Redirect"] = place
        return response
    if wants_html(scope):
        return RedirectResponse(place, HTTPStatus.SEE_OTHER)
    response = _problem(error, HTTPStatus.UNAUTHORIZED)
    response.headers["WWW-Authenticate"] = 'Bearer realm="holdfast"'
    return response


def _log_in(scope: Scope, headers: Headers) -> str:
    if scope.get("method") != "GET" or headers.get("hx-request") == "true":
        return "/login"
    path = quote(scope["path"])
    query = scope["query_string"].decode("latin-1")
    wanted = f"{path}?{query}" if query else path
    return "/login" if local_path(wanted) == "/" else f"/login?{urlencode({'next': wanted})}"


async def _for_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, HoldfastError)  # noqa: S101 - registered for nothing else
    return await answered(request.scope, error)


async def _for_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    return await answered(request.scope, InvalidOptions(problems_in(error.errors())))


async def _for_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    response = await answered(request.scope, Unanswerable(error.status_code), error.status_code)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


async def _for_mistake(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
    mistake, status = OurMistake(), HTTPStatus.INTERNAL_SERVER_ERROR
    shown = _page(request.scope, mistake, status) if wants_html(request.scope) else None
    response = shown or _problem(mistake, status)
    add_headers(request.scope, MutableHeaders(raw=response.raw_headers))
    return response


def _words_for(status: int) -> str:
    match status:
        case HTTPStatus.NOT_FOUND:
            return "There is nothing at this address."
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return "This cannot be done at this address."
        case HTTPStatus.BAD_REQUEST:
            return "The request could not be read."
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return "The request is too large."
        case _:
            return f"The request was not accepted: {HTTPStatus(status).phrase}."
