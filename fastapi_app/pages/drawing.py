"""What every page has around it, and how it is drawn."""

from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlsplit, urlunsplit

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from core.errors import StorageFailed
from core.people import Role
from core.preferences import THEMES
from fastapi_app.auth import local_path, masked
from fastapi_app.dependencies import Person, TheHouse
from fastapi_app.layout import around, sent
from fastapi_app.notices import Act, Notice

READ_BY_SCRIPTS: Final = frozenset({"cors", "same-origin", "no-cors"})
"""How browsers name, in Sec-Fetch-Mode, what they ask for without showing it."""


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

    def tell(self, text: str, *, status: str = "ok", stays: bool = False, action: Act | None = None) -> None:
        """Have the next page of this person say something once, with what can be done about it."""
        notice = Notice(text=text, status=status, stays=stays, action=action)
        self._house.notices.leave(self._person.session, notice)

    def draw(self, template: str, here: str, status: int = HTTPStatus.OK, **context: Any) -> HTMLResponse:  # noqa: ANN401
        """Return the page; `here` names its place in the navigation."""
        shell = around(self._house, self._person, self._position, self._notices())
        return self._sent(self._house.templates.render(template, here=here, **shell, **context), status)

    def piece(self, template: str, **context: Any) -> HTMLResponse:  # noqa: ANN401 - as above
        """Return a part of a page."""
        csrf, may_act = masked(self._person.csrf_token), self._person.may(Role.OPERATOR)
        context = {"csrf": csrf, "may_act": may_act} | context
        return self._sent(self._house.templates.render(template, **context), HTTPStatus.OK)

    def _sent(self, text: str, status: int) -> HTMLResponse:
        return sent(text, status, self._request.headers.get("accept-encoding", ""))

    def _notices(self) -> tuple[Notice, ...]:
        """Return what is to be told; not to a script that reads the page without showing it."""
        headers = self._request.headers
        unseen = headers.get("sec-fetch-mode") in READ_BY_SCRIPTS and "hx-request" not in headers
        return () if unseen else self._house.notices.take(self._person.session)


TheCanvas = Annotated[Canvas, Depends(Canvas)]


def theme_of(request: Request) -> str:
    """Return the theme that this browser wants while nobody is signed in."""
    wanted = request.cookies.get("theme", THEMES[0])
    return wanted if wanted in THEMES else THEMES[0]


def came_from(request: Request) -> str:
    """Return the page of ours that somebody pressed a button on, as far as their browser tells."""
    parts = urlsplit(request.headers.get("referer", ""))
    own = parts.netloc == request.headers.get("host", "")
    return local_path(urlunsplit(("", "", parts.path, parts.query, ""))) if own else "/"


def see(path: str | None, otherwise: str = "/") -> RedirectResponse:
    """Send the browser to a page of ours, with a GET."""
    return RedirectResponse(local_path(path or otherwise), HTTPStatus.SEE_OTHER)
