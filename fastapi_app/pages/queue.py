"""The queue: what is at work, what waits and why, and what people say about it."""

from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form
from starlette.responses import HTMLResponse, RedirectResponse

from core.engines import ENGINES
from core.errors import InvalidOptions
from core.events import Event, RegisterChanged
from core.models import Priority
from core.queueing import Scope
from core.service import Service
from fastapi_app.dependencies import Manager, Person, TheService
from fastapi_app.house import House
from fastapi_app.once import Once
from fastapi_app.pages.drawing import TheCanvas, see
from fastapi_app.parts import is_change
from fastapi_app.places import known_form
from fastapi_app.presenters.breakers import breaker_views
from fastapi_app.presenters.jobs import label_of
from fastapi_app.presenters.queue import PRIORITIES, SHOWN, SPANS, queue_view

router = APIRouter(prefix="/queue")

Text = Annotated[str, Form(max_length=1_000)]
LONGEST_HOURS = 24 * 365
TOPIC: Final = "queue"
PARTS: Final = ("says", "acts", "figures", "line", "others", "workers", "work", "held")
RULES: Final = ("queue", "breaker/")
"""How the names of the registers begin that say what is held back."""


@router.get("")
def show(canvas: TheCanvas, service: TheService) -> HTMLResponse:
    """Show the queue."""
    return canvas.draw(
        "pages/queue.html",
        "queue",
        **_shown(service),
        breakers=breaker_views(service.manager.breakers(), service.clock.now()),
        kinds=[(kind, label_of(kind)) for kind in ENGINES],
    )


def _shown(service: Service) -> dict[str, Any]:
    """Return what the parts of the page need."""
    view = queue_view(service.waiting_room.queue(SHOWN), service.workers())
    return {"view": view, "priorities": PRIORITIES, "spans": SPANS}


def add_parts(house: House) -> None:
    """Keep every part of the page up to date for those who look at it."""
    shown = Once(lambda: _shown(house.service))

    def concerns(event: Event) -> bool:
        changed = is_change(event) or (isinstance(event, RegisterChanged) and event.name.startswith(RULES))
        if changed:
            shown.spoil()
        return changed

    def draw(name: str) -> str:
        return house.templates.render(f"partials/queue_{name}.html", **shown.have())

    for name in PARTS:
        house.parts.add(TOPIC, f"queue-{name}", partial(draw, name), concerns=concerns)


@router.post("/pause")
def pause(  # each is one field of the form
    manager: Manager,
    service: TheService,
    person: Person,
    scope: Text = Scope.QUEUE,
    name: Text = "",
    reason: Text = "",
    hours: Text = "",
    back: Text = "",
) -> RedirectResponse:
    """Let nothing new begin, for so many hours or until somebody resumes it."""
    span = _number("hours", hours, LONGEST_HOURS)
    until = None if span is None else service.clock.now() + timedelta(hours=span)
    manager.pause_line(_scope(scope), name.strip(), by=person.name, reason=reason, until=until)
    return see(back, "/queue")


@router.post("/resume")
def resume(manager: Manager, scope: Text = Scope.QUEUE, name: Text = "", back: Text = "") -> RedirectResponse:
    """Let what was paused begin again."""
    manager.resume_line(_scope(scope), name.strip())
    return see(back, "/queue")


@router.post("/limit")
def limit(manager: Manager, scope: Text = Scope.GROUP, name: Text = "", most: Text = "") -> RedirectResponse:
    """Let at most so many runs be at work at once; an empty number takes the limit away."""
    manager.limit(_scope(scope), name.strip(), _number("most", most, 10_000))
    return see("/queue")


@router.post("/priority")
def prioritise(manager: Manager, run_id: Text, priority: Text) -> RedirectResponse:
    """Give a run that waits another priority."""
    if priority not in set(Priority):
        raise InvalidOptions({"priority": f"This must be one of {', '.join(Priority)}."})
    manager.prioritise(known_form("run", run_id), Priority(priority))
    return see("/queue")


@router.post("/cancel")
def cancel(manager: Manager, run_id: Text) -> RedirectResponse:
    """Stop a run for good."""
    manager.cancel(known_form("run", run_id))
    return see("/queue")


def _scope(text: str) -> Scope:
    if text not in set(Scope):
        raise InvalidOptions({"scope": f"This must be one of {', '.join(Scope)}."})
    return Scope(text)


def _number(field: str, text: str, most: int) -> int | None:
    """Return the whole number that was entered, None for nothing; raises InvalidOptions for anything else."""
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
        raise InvalidOptions({field: f"This must be a whole number from 1 to {most:,}."})
    return int(text)
