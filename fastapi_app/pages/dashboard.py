"""The dashboard: in one sentence, what needs you, what runs, how old each copy is."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Cookie, Query
from starlette.responses import HTMLResponse

from core.service import Service
from fastapi_app.dependencies import TheHouse
from fastapi_app.pages.drawing import TheCanvas
from fastapi_app.pages.welcome import begin, first_job, follow
from fastapi_app.presenters.course import range_of
from fastapi_app.presenters.dashboard import looked_in_words

router = APIRouter()

LOOKED: Final = "looked"
"""The cookie that says when this browser showed the dashboard in its visit before this one, and last."""

A_VISIT: Final = timedelta(minutes=30)
"""How long nobody has to look before the next look begins another visit."""

REMEMBERED: Final = 90 * 24 * 3_600

Looked = tuple[datetime | None, datetime]


@router.get("/")
def dashboard(
    canvas: TheCanvas,
    house: TheHouse,
    first: str = "",
    span: Annotated[str, Query(alias="range")] = "",
    looked: Annotated[str, Cookie()] = "",
) -> HTMLResponse:
    """Show how things stand."""
    service = house.service
    if (made := first_job(service)) is None:
        return begin(canvas)
    if first:
        return follow(canvas, made)
    before, now = visits_in(looked, service.clock.now())
    answer = canvas.draw(
        "pages/dashboard.html",
        "dashboard",
        looked=_failed_since(service, before),
        looked_at=before,
        **house.board.everything(range_of(span)),
    )
    value = f"{before.timestamp() if before else 0:.0f}.{now.timestamp():.0f}"
    answer.set_cookie(LOOKED, value, max_age=REMEMBERED, httponly=True, samesite="lax")
    return answer


def _failed_since(service: Service, moment: datetime | None) -> str:
    return looked_in_words(*service.standing.failed_since(moment)) if moment else ""


def visits_in(cookie: str, now: datetime) -> Looked:
    """Return when the visit before this one ended, None where nobody knows, and now."""
    before, last = _moments(cookie, now)
    if last is not None and now - last > A_VISIT:
        before = last
    return before, now


def _moments(cookie: str, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return the moments that a cookie says; none where it says nothing that could be."""
    parts = cookie.split(".")
    if len(parts) != 2 or not all(part.isascii() and part.isdecimal() and len(part) < 12 for part in parts):  # noqa: PLR2004
        return None, None
    found = [datetime.fromtimestamp(int(part), UTC) for part in parts]
    before, last = (at if datetime(2020, 1, 1, tzinfo=UTC) < at <= now else None for at in found)
    return before, last
