"""What stands around a page of somebody who is signed in, and how a page is sent."""

from typing import Any

from starlette.responses import HTMLResponse

from core.people import Role
from fastapi_app.auth import Person, masked
from fastapi_app.codings import WORTH_WHILE, coded, coding_for, headers_of
from fastapi_app.house import House
from fastapi_app.notices import Notice
from fastapi_app.presenters.sections import sections_for
from fastapi_app.presenters.shell import Shell


def around(
    house: House, person: Person, position: tuple[str, int], notices: tuple[Notice, ...] = ()
) -> dict[str, Any]:
    """Return what base.html needs for this person; `position` is the live one from before the page's facts were read."""
    epoch, seq = position
    service = house.service
    return {
        "epoch": epoch,
        "seq": seq,
        "csrf": masked(person.csrf_token),
        "person": person.name,
        "may_act": person.may(Role.OPERATOR),
        "may_rule": person.may(Role.ADMIN),
        "counts": house.scribe.counts(),
        "unread": service.notifications.unread(person.name),
        "shell": Shell(
            sections=sections_for(may_rule=person.may(Role.ADMIN), took_away=service.quarantines.has_any),
            wanted=service.preferences.of(person.name),
            notices=notices,
            drawn_at=service.clock.now(),
        ),
    }


def sent(text: str, status: int, accepted: str) -> HTMLResponse:
    """Return the page as small as whoever asks can read it; its one secret is another text in each answer."""
    content = text.encode()
    coding = coding_for(accepted) if len(content) >= WORTH_WHILE else ""
    return HTMLResponse(coded(content, coding) if coding else content, status, headers=headers_of(coding))
