"""Coming in and leaving: set-up, signing in and out, and how a person wants the pages."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from core.accounts import WrongCredentials
from core.errors import HoldfastError, InvalidOptions, Refused
from core.tries import TooManyTries
from fastapi_app.auth import address_of, local_path, sign_in, sign_out
from fastapi_app.dependencies import Person, TheAccounts, TheHouse
from fastapi_app.errors import status_of
from fastapi_app.house import House
from fastapi_app.pages.drawing import came_from, see, theme_of
from fastapi_app.presenters.texts import Exactly

router = APIRouter()

Text = Annotated[str, Form(max_length=1_000)]
Wanted = Annotated[str, Form()]
"""A page of ours to go to afterwards; `local_path` decides."""

LOGIN_FAILED: Final = "Somebody tried to sign in: name and password do not belong together."
"""Without the name: people type their passwords into that field."""

A_YEAR = 365 * 24 * 3600


@router.get("/login")
def login_page(request: Request, house: TheHouse, next: str = "") -> Response:  # noqa: A002 - its name in the address
    """Ask who it is; whoever is signed in goes on."""
    if request.scope.get("state", {}).get("person") is not None:
        return see(next)
    return _login(request, house, next=local_path(next))


@router.post("/login")
def login(  # each is a field of the form
    request: Request,
    house: TheHouse,
    accounts: TheAccounts,
    username: Text = "",
    password: Text = "",
    next: Wanted = "",  # noqa: A002 - its name in the form
    keep: Text = "",
) -> Response:
    """Open a session for who proves who they are."""
    address = address_of(request.scope)
    try:
        user = accounts.authenticate(username, password, address)
    except (WrongCredentials, TooManyTries) as error:
        if isinstance(error, WrongCredentials):  # there are only so many until they are refused unlooked-at
            house.service.audit.note("login.failed", LOGIN_FAILED, origin=address)
        return _login(request, house, next=local_path(next), username=username, error=error)
    house.service.audit.note("login", "Signed in.", by=user.name, origin=address)
    long = keep == "true"
    response = see(next)
    sign_in(request, response, accounts.open_session(user, long=long, address=address), long=long)
    return response


def _login(
    request: Request,
    house: House,
    *,
    next: str,  # noqa: A002 - as above
    username: str = "",
    error: HoldfastError | None = None,
) -> HTMLResponse:
    content = house.templates.render(
        "pages/login.html",
        theme=theme_of(request),
        next=next,
        username=Exactly(username),
        problem=str(error) if error else "",
        hint=error.hint if error else "",
    )
    response = HTMLResponse(content, status_of(error) if error else HTTPStatus.OK)
    if isinstance(error, TooManyTries):
        response.headers["Retry-After"] = str(error.wait_seconds)
    return response


@router.get("/setup")
def setup_page(request: Request, house: TheHouse, accounts: TheAccounts) -> Response:
    """Ask for the one-time code and the first account; later there is nothing here to see."""
    return _setup(request, house) if accounts.needs_set_up else see("/login")


@router.post("/setup")
def setup(  # each is a field of the form
    request: Request,
    house: TheHouse,
    accounts: TheAccounts,
    code: Text = "",
    username: Text = "",
    password: Text = "",
) -> Response:
    """Make the first account, and let it in; who comes too late is asked to sign in."""
    if not accounts.needs_set_up:
        return see("/login")
    try:
        user = accounts.set_up(code.strip(), username.strip(), password)
    except (Refused, InvalidOptions) as error:
        return _setup(request, house, code=code, username=username, error=error)
    words = "Made the first account and signed in."
    house.service.audit.note("setup", words, by=user.name, origin=address_of(request.scope))
    response = see("/")
    sign_in(request, response, accounts.open_session(user, address=address_of(request.scope)))
    return response


def _setup(
    request: Request,
    house: House,
    *,
    code: str = "",
    username: str = "",
    error: HoldfastError | None = None,
) -> HTMLResponse:
    problems = dict(error.problems) if isinstance(error, InvalidOptions) else {}
    problems["username"] = problems.pop("name", "")
    refused = error if error and not isinstance(error, InvalidOptions) else None
    content = house.templates.render(
        "pages/setup.html",
        theme=theme_of(request),
        code=Exactly(code),
        username=Exactly(username),
        problem=str(refused) if refused else "",
        hint=refused.hint if refused else "",
        problems={"code": "", "password": ""} | problems,
    )
    return HTMLResponse(content, status_of(error) if error else HTTPStatus.OK)


@router.post("/logout")
def logout(request: Request, house: TheHouse, accounts: TheAccounts, person: Person) -> Response:
    """End the session, here and on the server."""
    if person.session:
        accounts.end_session(person.session)
    house.service.audit.note("logout", "Signed out.", by=person.name, origin=address_of(request.scope))
    response = see("/login")
    sign_out(request, response)
    return response


@router.post("/preferences")
def choose(  # each is a field of the form
    request: Request,
    house: TheHouse,
    person: Person,
    theme: Text = "",
    density: Text = "",
    shortcuts: Text = "",
    back: Wanted = "",
) -> RedirectResponse:
    """Keep how this person wants the pages; the browser is told the theme too, for the door."""
    changes: dict[str, str | bool] = {"theme": theme} if theme else {}
    if density:
        changes["density"] = density
    if shortcuts:
        changes["shortcuts"] = shortcuts == "on"
    wanted = house.service.preferences.set(person.name, **changes)
    response = see(back or came_from(request))
    response.set_cookie(
        "theme",
        wanted.theme,
        max_age=A_YEAR,
        secure=house.site.is_https(request.scope),
        httponly=True,
        samesite="strict",
    )
    return response
