"""Destinations: where copies go, how that place is, and how it is made, tested, prepared and unlocked."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlencode

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Form, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from core.destinations.registered import DESTINATION
from core.events import (
    Event,
    EventsMissed,
    JobChangedOutside,
    JobCreated,
    JobDeleted,
    JobEdited,
    RegisterChanged,
    RunMoved,
)
from core.models import Value
from core.people import Role
from core.places.states import STATE
from core.remotes.versions import warnings_for
from core.service import Service
from fastapi_app.auth import LONGEST_NEXT, local_path
from fastapi_app.auth import Person as SomePerson
from fastapi_app.dependencies import Person, TheService
from fastapi_app.house import House
from fastapi_app.once import Once
from fastapi_app.pages.drawing import Canvas, TheCanvas, see
from fastapi_app.presenters.destinations import (
    KIND_FOR,
    destination_card,
    destination_view,
    preparing,
    sentence_of,
    settings_of,
)

router = APIRouter(prefix="/destinations")

T = TypeVar("T")

AT_ONCE: Final = CapacityLimiter(8)
"""How many look at destinations at once."""
MOST_JOBS: Final = 100
"""Jobs of one destination that its page names."""

JOBS: Final = (JobCreated, JobEdited, JobChangedOutside, JobDeleted, EventsMissed)
DONE: Final = {
    "tested": "It was looked at just now.",
    "prepared": "It is prepared: copies can go there.",
    "unlocked": "Locks that were left over are gone.",
    "pinned": "The key of the host is kept. From now on Holdfast talks to no other.",
}

Back = Annotated[str, Form(max_length=LONGEST_NEXT)]
BackInAddress = Annotated[str, Query(alias="back", max_length=LONGEST_NEXT)]


@router.get("")
def every(canvas: TheCanvas, service: TheService) -> HTMLResponse:
    """Show every destination."""
    return canvas.draw("pages/destinations.html", "destinations", **_cards(service))


def add_parts(house: House) -> None:
    """Keep the cards up to date for those who look at them."""
    cards = Once(lambda: _cards(house.service))

    def concerns(event: Event) -> bool:
        if changed := _concerns_destinations(event):
            cards.spoil()
        return changed

    for name in ("destinations", "destinations-now"):
        draw = partial(_drawn, house, f"partials/{name.replace('-', '_')}.html", cards)
        house.parts.add("destinations", name, draw, concerns=concerns)


def _drawn(house: House, template: str, cards: Once[dict[str, Any]]) -> str:
    return house.templates.render(template, **cards.have())


def _concerns_destinations(event: Event) -> bool:
    if isinstance(event, RegisterChanged):
        return event.name.startswith((DESTINATION, STATE))
    return (isinstance(event, RunMoved) and event.run.over) or isinstance(event, JOBS)


def _cards(service: Service) -> dict[str, Any]:
    book, now = service.destinations, service.clock.now()
    states, cards = book.states(), []
    for each in book.list():
        jobs = service.tenants.of(each.id)
        newest = service.standing.newest_of(jobs)
        cards.append(destination_card(each, states.get(each.id), now, jobs=len(jobs), verified_at=newest))
    return {"rows": cards, "sentence": sentence_of(cards)}


@router.get("/{destination_id}")
def show(  # each is one part of the question
    destination_id: str,
    canvas: TheCanvas,
    service: TheService,
    person: Person,
    back: BackInAddress = "",
    done: Annotated[str, Query(max_length=20)] = "",
) -> HTMLResponse:
    """Show the destination."""
    page = Page(back=local_path(back) if back else "", done=DONE.get(done, ""))
    return shown(canvas, service, person, destination_id, page)


@router.post("/{destination_id}/test")
async def look_now(destination_id: str, service: TheService, back: Back = "") -> RedirectResponse:
    """Look at the destination now."""
    await looking(lambda: service.probes.test(destination_id))
    return to_page(destination_id, back, "tested")


@router.post("/{destination_id}/prepare")
async def prepare(
    destination_id: str, canvas: TheCanvas, service: TheService, person: Person, back: Back = ""
) -> Response:
    """Make ready what copies go into; a password that was made for it is shown this once."""
    destination = service.destinations.destination(destination_id)
    generate = destination.type == "restic" and "password" not in destination.secrets
    made = await looking(lambda: service.probes.prepare(destination_id, generate=generate))
    if not made.password:
        return to_page(destination_id, back, "prepared")
    page = Page(back=local_path(back) if back else "", done=DONE["prepared"], password=made.password)
    return await run_in_threadpool(lambda: shown(canvas, service, person, destination_id, page))


@router.post("/{destination_id}/unlock")
async def unlock(destination_id: str, service: TheService, back: Back = "") -> RedirectResponse:
    """Remove locks that nobody holds any more."""
    await looking(lambda: service.probes.unlock(destination_id))
    return to_page(destination_id, back, "unlocked")


@router.post("/{destination_id}/pin")
async def pin(
    destination_id: str,
    service: TheService,
    host_key: Annotated[str, Form(max_length=50_000)] = "",
    version: Annotated[int | None, Form()] = None,
    back: Back = "",
) -> RedirectResponse:
    """Keep the key of a host whose fingerprint a person compared, and look again."""

    def kept_and_seen() -> None:
        service.destinations.pin(destination_id, version, host_key.replace("\r\n", "\n"))
        service.probes.test(destination_id)

    await looking(kept_and_seen)
    return to_page(destination_id, back, "pinned")


@router.post("/{destination_id}/remove")
def remove(
    destination_id: str, service: TheService, version: Annotated[int | None, Form()] = None
) -> RedirectResponse:
    """Remove the destination; what lies there stays."""
    service.destinations.remove(destination_id, version)
    return see("/destinations")


async def looking(look: Callable[[], T]) -> T:
    """Return what a look finds; it may take its time, and keeps nobody else from a thread."""
    return await to_thread.run_sync(look, limiter=AT_ONCE)


def to_page(destination_id: str, back: str, done: str = "") -> RedirectResponse:
    """Lead to the destination's page, which then says what was done and leads back to the form it is made for."""
    said = {name: value for name, value in (("done", done), ("back", back)) if value}
    return see(f"/destinations/{destination_id}" + (f"?{urlencode(said)}" if said else ""))


class Page(Value, frozen=True, kw_only=True):
    """What a destination's page shows beside it: what was just done, a new password, the way back to a form."""

    back: str = ""
    done: str = ""
    password: str = ""

    def __repr__(self) -> str:
        """Return it without what nobody may read."""
        return f"Page({self.back!r}, {self.done!r})"


def shown(
    canvas: Canvas, service: Service, person: SomePerson, destination_id: str, page: Page
) -> HTMLResponse:
    """Return the page of the destination."""
    book, whole = service.destinations, person.may(Role.ADMIN)
    destination = book.destination(destination_id)
    ids = service.tenants.of(destination_id)
    facts = [fact for job_id in ids if (fact := service.standing.fact(job_id)) is not None]
    state, now = book.state(destination_id), service.clock.now()
    view = destination_view(
        destination,
        state,
        sorted(facts, key=lambda fact: fact.job.name.casefold())[:MOST_JOBS],
        now,
        more_jobs=max(0, len(facts) - MOST_JOBS),
        verified_at=service.standing.newest_of(ids),
        whole=whole,
    )
    about, word = preparing(destination)
    return canvas.draw(
        "pages/destination.html",
        "destinations",
        view=view,
        settings=settings_of(destination) if whole else (),
        kind=KIND_FOR[destination.type],
        preparing=about,
        prepare_word=word,
        weak=warnings_for(destination.type) if whole else (),
        page=page,
    )
