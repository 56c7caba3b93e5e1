"""Settings: one's own, how the server is set, how long things are kept, and what this is."""

import platform
from collections import defaultdict
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from core.doctor import examine
from core.errors import InvalidOptions
from core.installation import CHANGEABLE
from core.models import LARGEST
from core.people import Role
from core.roster import LONGEST_LIFE, LONGEST_NAME_OF_TOKEN
from core.storage.marker import read_marker
from fastapi_app.auth import Person as SomePerson
from fastapi_app.auth import address_of
from fastapi_app.dependencies import NotByToken, OnlyAdmins, Person, TheRoster, TheService
from fastapi_app.pages.drawing import Canvas, TheCanvas, see
from fastapi_app.presenters import settings as shown
from fastapi_app.presenters.settings import keeping_fields
from fastapi_app.presenters.texts import Exactly

router = APIRouter(prefix="/settings")

YOU: Final = "/settings/you"
MOST_FIELDS: Final = 50
LONGEST_NUMBER: Final = 12
LIVES: Final = ((1, "1 day"), (30, "30 days"), (90, "90 days"), (365, "a year"))
Text = Annotated[str, Form(max_length=1_000)]
Key = Annotated[str, Form(max_length=64)]


class Mine:
    """Draws what a person may set for themselves."""

    def __init__(self, canvas: TheCanvas, roster: TheRoster, person: Person) -> None:
        self._canvas: Canvas = canvas
        self._person: SomePerson = person
        self.roster = roster

    def draw(self, status: int = HTTPStatus.OK, **said: Any) -> HTMLResponse:  # noqa: ANN401 - what is shown
        """Return the page, with what is said about what was just done."""
        name, role = self._person.name, self._person.role
        usual: dict[str, Any] = {"typed": {}, "made": "", "changed": False}
        usual["problems"] = defaultdict(str, said.pop("problems", {}))
        return self._canvas.draw(
            "pages/settings_you.html",
            "settings",
            status,
            tab="you",
            role=role,
            sessions=shown.session_rows(self.roster.sessions_of(name), self._person.session),
            tokens=shown.token_rows(self.roster.tokens_of(name)),
            roles=[each for each in Role if role.covers(each)],
            lives=LIVES,
            longest_name=LONGEST_NAME_OF_TOKEN,
            **usual | said,
        )


TheMine = Annotated[Mine, Depends(Mine)]


@router.get("")
def settings(mine: TheMine) -> HTMLResponse:
    """Show what everybody comes for first."""
    return mine.draw()


@router.get("/you")
def you(mine: TheMine, changed: Annotated[str, Query(max_length=20)] = "") -> HTMLResponse:
    """Show what one may set for oneself."""
    return mine.draw(changed=bool(changed))


@router.post("/you/password")
def change_password(  # each is a field of the form
    request: Request, mine: TheMine, person: Person, old: Text = "", new: Text = ""
) -> Response:
    """Change the own password; every other browser is signed out, and no token acts any more."""
    address = address_of(request.scope)
    try:
        mine.roster.change_own_password(person.name, old, new, address, but=person.session)
    except InvalidOptions as error:
        return mine.draw(HTTPStatus.UNPROCESSABLE_ENTITY, problems=error.problems)
    return see("/settings/you?changed=password#password")


@router.post("/you/sessions/end")
def end_session(mine: TheMine, person: Person, key: Key = "") -> RedirectResponse:
    """Sign out of one browser, or of every other where none is named."""
    if key:
        mine.roster.end_session(person.name, key)
    else:
        mine.roster.end_other_sessions(person.name, person.session)
    return see(f"{YOU}#sessions")


@router.post("/you/tokens", dependencies=[NotByToken])
def make_token(
    mine: TheMine,
    person: Person,
    name: Text = "",
    role: Annotated[Role, Form()] = Role.VIEWER,
    days: Annotated[int, Form(ge=0, le=LARGEST)] = LONGEST_LIFE,
) -> HTMLResponse:
    """Make a token, and show it, which is done this once."""
    try:
        made = mine.roster.make_token(person.name, name, role, days)
    except InvalidOptions as error:
        problems = {f"token.{field}": words for field, words in error.problems.items()}
        typed = {"name": Exactly(name), "role": role, "days": days}
        return mine.draw(HTTPStatus.UNPROCESSABLE_ENTITY, problems=problems, typed=typed)
    return mine.draw(made=made)


@router.post("/you/tokens/drop")
def drop_token(mine: TheMine, person: Person, key: Key = "") -> RedirectResponse:
    """Take a token back."""
    mine.roster.drop_token(person.name, key)
    return see(f"{YOU}#tokens")


@router.get("/server", dependencies=[OnlyAdmins])
def server(canvas: TheCanvas, service: TheService) -> HTMLResponse:
    """Show how the server is set, and what this machine has for it."""
    findings = examine(service.data)
    return canvas.draw(
        "pages/settings_server.html",
        "settings",
        tab="server",
        rows=shown.server_rows(service.settings),
        found=shown.found_rows(findings),
        sentence=shown.found_in_words(findings),
        folder=str(service.data),
    )


@router.get("/keeping", dependencies=[OnlyAdmins])
def keeping(canvas: TheCanvas, service: TheService) -> HTMLResponse:
    """Show how long things are kept."""
    return _keeping(canvas, service, {}, {})


async def _typed(request: Request) -> dict[str, str]:
    """Return the form's fields; files are none of them."""
    async with request.form(max_fields=MOST_FIELDS, max_files=0) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


@router.post("/keeping")
def keep(
    canvas: TheCanvas, service: TheService, typed: Annotated[dict[str, str], Depends(_typed)]
) -> Response:
    """Set how long things are kept."""
    wanted = {name: typed[name].strip() for name in CHANGEABLE if name in typed}
    version = typed.get("version", "")
    try:
        named = int(version) if _is_number(version) else None
        service.installation.change(_numbers(wanted), named)
    except InvalidOptions as error:
        return _keeping(canvas, service, wanted, error.problems, HTTPStatus.UNPROCESSABLE_ENTITY)
    canvas.tell("Kept. It counts from now on.")
    return see("/settings/keeping")


def _keeping(
    canvas: Canvas,
    service: TheService,
    typed: dict[str, str],
    problems: dict[str, str],
    status: int = HTTPStatus.OK,
) -> HTMLResponse:
    kept = service.installation.kept
    return canvas.draw(
        "pages/settings_keeping.html",
        "settings",
        status,
        tab="keeping",
        fields=keeping_fields(service.settings, kept, typed, problems),
        version=kept.version,
    )


@router.get("/about")
def about(canvas: TheCanvas, service: TheService) -> HTMLResponse:
    """Show what this is."""
    marker = read_marker(service.data / "store.yaml")
    return canvas.draw(
        "pages/settings_about.html",
        "settings",
        tab="about",
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}",
        store_id=marker.store if marker else "in memory",
    )


def _numbers(wanted: Mapping[str, str]) -> dict[str, int]:
    """Return what was typed as numbers; raises InvalidOptions."""
    if odd := [name for name, text in wanted.items() if not _is_number(text)]:
        raise InvalidOptions(dict.fromkeys(odd, "This must be a whole number."))
    return {name: int(text) for name, text in wanted.items()}


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
