"""What every page has around it, and how it is drawn."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from core.errors import StorageFailed
from core.people import Role
from fastapi_app.auth import local_path
from fastapi_app.dependencies import Person, TheHouse

THEMES: Final = ("auto", "light", "dark")


class Canvas:
    """Draws pages for one request.

    It takes note of the live position before the route reads what it shows, so that nothing can
    fall between the page and its first live frame.
    """

    def __init__(self, request: Request, house: TheHouse, person: Person) -> None:
        self._request = request
        self._house = house
        self._person = person
        self._position = house.position

    @property
    def redraws(self) -> str:
        """Return the id of the part that the script wants to draw again; nothing for a whole page."""
        return self._request.headers.get("hx-target", "").rpartition("#")[2]

    def not_kept(self, error: StorageFailed) -> None:
        """Let every page say that a change was refused by the disk, until it takes changes again."""
        self._house.disk.noted(error)

    def draw(self, template: str, here: str, status: int = HTTPStatus.OK, **context: Any) -> HTMLResponse:  # noqa: ANN401
        """Return the page; `here` names its place in the navigation."""
        epoch, seq = self._position
        content = self._house.templates.render(
            template,
            here=here,
            epoch=epoch,
            seq=seq,
            theme=theme_of(self._request),
            csrf=self._person.csrf_token,
            person=self._person.name,
            may_act=self._person.may(Role.OPERATOR),
            may_rule=self._person.may(Role.ADMIN),
            counts=self._house.scribe.counts(),
            took_away=self._house.service.quarantines.has_any,
            unread=self._house.service.notifications.unread(self._person.name),
            **context,
        )
        return HTMLResponse(content, status)

    def piece(self, template: str, **context: Any) -> HTMLResponse:  # noqa: ANN401 - as above
        """Return a part of a page."""
        context = {"csrf": self._person.csrf_token, "may_act": self._person.may(Role.OPERATOR)} | context
        return HTMLResponse(self._house.templates.render(template, **context))


TheCanvas = Annotated[Canvas, Depends(Canvas)]


def theme_of(request: Request) -> str:
    """Return the theme that this browser wants."""
    wanted = request.cookies.get("theme", THEMES[0])
    return wanted if wanted in THEMES else THEMES[0]


def see(path: str | None, otherwise: str = "/") -> RedirectResponse:
    """Send the browser to a page of ours, with a GET."""
    return RedirectResponse(local_path(path or otherwise), HTTPStatus.SEE_OTHER)
