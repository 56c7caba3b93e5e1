"""What happened that somebody should know; whom it is told, and what came of that."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.responses import HTMLResponse, RedirectResponse, Response

from core.errors import InvalidOptions, NotFound
from core.manager import JobManager
from core.notifications.registers import LONGEST_URL
from core.notifications.values import LONGEST_THROTTLE, Digest, Occasion, Quiet, Rule
from fastapi_app.auth import Person as SomePerson
from fastapi_app.dependencies import Person, TheService
from fastapi_app.pages.drawing import Canvas, TheCanvas, see
from fastapi_app.presenters.notifications import notifications_view

router = APIRouter(prefix="/notifications")

LONGEST: int = 200
Text = Annotated[str, Form(max_length=LONGEST)]


class Desk:
    """Draws the page for one request."""

    def __init__(self, canvas: TheCanvas, service: TheService, person: Person) -> None:
        self._canvas: Canvas = canvas
        self._person: SomePerson = person
        self.office = service.notifications
        self._manager: JobManager = service.manager

    def draw(self, status: int = HTTPStatus.OK, **said: object) -> HTMLResponse:
        """Return the page, with what is said about what was just done."""
        office = self.office
        rules = office.choices.rules()
        view = notifications_view(
            office.book.notices(),
            office.choices.read_by(self._person.name),
            office.standings(),
            rules,
            {rule.job_id: self._name(rule.job_id) for rule in rules if rule.job_id},
            office.book.waiting(),
            office.book.ended(),
        )
        usual: dict[str, object] = {"done": "", "trouble": "", "made": None, "problems": {}, "typed": {}}
        return self._canvas.draw(
            "pages/notifications.html", "notifications", status, view=view, **usual | said
        )

    def _name(self, job_id: str) -> str:
        try:
            return self._manager.job(job_id).job.name
        except NotFound:
            return "a job that is gone"


TheDesk = Annotated[Desk, Depends(Desk)]


@router.get("")
def show(desk: TheDesk) -> HTMLResponse:
    """Show what happened."""
    return desk.draw()


@router.post("/read")
def read_all(service: TheService, person: Person) -> RedirectResponse:
    """Take note that this person has seen everything."""
    service.notifications.note_read(person.name)
    return see("/notifications")


@router.post("/channels")
def add_channel(
    desk: TheDesk,
    name: Text = "",
    url: Annotated[str, Form(max_length=LONGEST_URL)] = "",
) -> Response:
    """Keep a new channel, and show its secret, which is shown this once."""
    try:
        channel = desk.office.add_channel(name, url)
    except InvalidOptions as error:
        return desk.draw(HTTPStatus.UNPROCESSABLE_ENTITY, problems=error.problems, typed={"name": name})
    if channel.secret:
        return desk.draw(made=channel)
    return see("/notifications")


@router.post("/channels/{channel_id}/test")
def test_channel(channel_id: str, desk: TheDesk) -> HTMLResponse:
    """Really send a message that is a test, and say what came of it."""
    outcome = desk.office.test(channel_id)
    name = desk.office.choices.channel(channel_id).name
    said = f"A test was sent through “{name}”. {outcome.words}"
    if outcome.sent:
        return desk.draw(done=said)
    return desk.draw(trouble=f"The test did not get through “{name}”. {outcome.words}")


@router.post("/channels/{channel_id}/on")
def switch_on(channel_id: str, desk: TheDesk) -> RedirectResponse:
    """Send through a channel again."""
    desk.office.switch_channel(channel_id, enabled=True)
    return see("/notifications")


@router.post("/channels/{channel_id}/off")
def switch_off(channel_id: str, desk: TheDesk) -> RedirectResponse:
    """Send nothing through a channel for now."""
    desk.office.switch_channel(channel_id, enabled=False)
    return see("/notifications")


@router.post("/channels/{channel_id}/remove")
def remove_channel(channel_id: str, desk: TheDesk) -> RedirectResponse:
    """Let go of a channel; the confirmation was in the page."""
    desk.office.remove_channel(channel_id)
    return see("/notifications")


@router.post("/rules")
def add_rule(
    desk: TheDesk,
    service: TheService,
    *,
    on: Annotated[list[Occasion] | None, Form(max_length=len(Occasion))] = None,
    channels: Annotated[list[str] | None, Form(max_length=LONGEST)] = None,
    tag: Text = "",
    digest: Annotated[Digest, Form()] = Digest.IMMEDIATELY,
    digest_at: Text = "08:00",
    quiet_from: Text = "",
    quiet_to: Text = "",
    but_critical: Text = "",
    timezone: Text = "",
    throttle: Annotated[int, Form(ge=0, le=LONGEST_THROTTLE)] = 60,
) -> Response:
    """Keep a new rule."""
    quiet = Quiet(start=quiet_from, end=quiet_to, but_critical=bool(but_critical))
    rule = Rule(
        id="",
        on=tuple(on or ()),
        channels=tuple(channels or ()),
        tag=tag.strip(),
        digest=digest,
        digest_at=digest_at,
        quiet=quiet if quiet_from or quiet_to else None,
        timezone=timezone.strip(),
        throttle=throttle,
        created_at=service.clock.now(),
    )
    try:
        desk.office.add_rule(rule)
    except InvalidOptions as error:
        typed = {"tag": tag, "timezone": timezone}
        return desk.draw(HTTPStatus.UNPROCESSABLE_ENTITY, problems=error.problems, typed=typed)
    return see("/notifications")


@router.post("/rules/{rule_id}/remove")
def remove_rule(rule_id: str, desk: TheDesk) -> RedirectResponse:
    """Let go of a rule."""
    desk.office.remove_rule(rule_id)
    return see("/notifications")
