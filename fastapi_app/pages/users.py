"""People: who may come in, what they may do, and where they are signed in. For admins."""

from collections import defaultdict
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Path
from starlette.responses import HTMLResponse, RedirectResponse, Response

from core.errors import InvalidOptions
from core.models import LARGEST
from core.people import Role
from core.roster import LastAdmin
from fastapi_app.auth import Person as SomePerson
from fastapi_app.dependencies import OnlyAdmins, Person, TheRoster
from fastapi_app.pages.drawing import Canvas, TheCanvas, see
from fastapi_app.presenters.settings import session_rows, token_rows
from fastapi_app.presenters.texts import Exactly
from fastapi_app.presenters.users import ROLES, people_in_words, person_rows

router = APIRouter(prefix="/users")

HERE: Final = "users"
Text = Annotated[str, Form(max_length=1_000)]
Name = Annotated[str, Path(max_length=64)]
Key = Annotated[str, Form(max_length=64)]
Version = Annotated[int | None, Form(ge=1, le=LARGEST)]


class Desk:
    """Draws the pages for one request."""

    def __init__(self, canvas: TheCanvas, roster: TheRoster, person: Person) -> None:
        self.canvas: Canvas = canvas
        self.roster = roster
        self._person: SomePerson = person

    def every(self, status: int = HTTPStatus.OK, **said: Any) -> HTMLResponse:  # noqa: ANN401 - what is shown
        """Return the page of all, with what is said about what was just typed."""
        rows = person_rows(self.roster.members(), self._person.name)
        problems = defaultdict(str, said.get("problems", {}))
        return self.canvas.draw(
            "pages/users.html",
            HERE,
            status,
            rows=rows,
            sentence=people_in_words(rows),
            roles=ROLES,
            typed=said.get("typed", {}),
            problems=problems,
        )

    def one(self, name: str, status: int = HTTPStatus.OK, **problems: str) -> HTMLResponse:
        """Return the page of one person."""
        rows = person_rows(self.roster.members(), self._person.name)
        known = self.roster.member(name).name
        return self.canvas.draw(
            "pages/user.html",
            HERE,
            status,
            row=next(row for row in rows if row.name == known),
            roles=ROLES,
            sessions=session_rows(self.roster.sessions_of(known), self._person.session),
            tokens=token_rows(self.roster.tokens_of(known)),
            problems=defaultdict(str, problems),
        )


TheDesk = Annotated[Desk, Depends(Desk)]


@router.get("", dependencies=[OnlyAdmins])
def show(desk: TheDesk) -> HTMLResponse:
    """Show who may come in."""
    return desk.every()


@router.post("")
def add(
    desk: TheDesk, name: Text = "", password: Text = "", role: Annotated[Role, Form()] = Role.VIEWER
) -> Response:
    """Let somebody in from now on."""
    try:
        made = desk.roster.add(name.strip(), password, role)
    except InvalidOptions as error:
        typed = {"name": Exactly(name), "role": role}
        return desk.every(HTTPStatus.UNPROCESSABLE_ENTITY, typed=typed, problems=error.problems)
    desk.canvas.tell(f"{made.name} may come in. Tell them the password in person; they can change it.")
    return see("/users")


@router.get("/{name}", dependencies=[OnlyAdmins])
def person(name: Name, desk: TheDesk) -> HTMLResponse:
    """Show somebody."""
    return desk.one(name)


@router.post("/{name}/role")
def set_role(name: Name, desk: TheDesk, role: Annotated[Role, Form()], version: Version = None) -> Response:
    """Give somebody another role."""
    try:
        changed = desk.roster.set_role(name, role, version)
    except LastAdmin as error:
        return desk.one(name, HTTPStatus.CONFLICT, role=f"{error} {error.hint}")
    desk.canvas.tell(f"{changed.name} is {changed.role} now.")
    return see(f"/users/{changed.name}")


@router.post("/{name}/password")
def set_password(name: Name, desk: TheDesk, password: Text = "", version: Version = None) -> Response:
    """Give somebody a new password."""
    try:
        changed = desk.roster.set_password(name, password, version)
    except InvalidOptions as error:
        return desk.one(name, HTTPStatus.UNPROCESSABLE_ENTITY, **error.problems)
    desk.canvas.tell(f"{changed.name} has a new password, and is signed out everywhere.")
    return see(f"/users/{changed.name}")


@router.post("/{name}/sessions/end")
def end_sessions(name: Name, desk: TheDesk, asking: Person) -> RedirectResponse:
    """Sign somebody out of every browser; who asks stays in the one they ask with."""
    member = desk.roster.member(name)
    desk.roster.end_other_sessions(member.name, asking.session)
    desk.canvas.tell(f"{member.name} is signed out.")
    return see(f"/users/{member.name}")


@router.post("/{name}/tokens/drop")
def drop_token(name: Name, desk: TheDesk, key: Key = "") -> RedirectResponse:
    """Take a token of somebody back."""
    desk.roster.drop_token(name, key)
    return see(f"/users/{desk.roster.member(name).name}")


@router.post("/{name}/remove")
def remove(name: Name, desk: TheDesk, version: Version = None) -> Response:
    """Let somebody in no more."""
    try:
        desk.roster.remove(name, version)
    except LastAdmin as error:
        return desk.one(name, HTTPStatus.CONFLICT, remove=f"{error} {error.hint}")
    desk.canvas.tell(f"{name} may not come in any more.")
    return see("/users")
