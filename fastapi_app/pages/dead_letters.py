"""Dead letters: the failed runs that nobody has requeued or discarded yet."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Query
from starlette.responses import HTMLResponse, RedirectResponse

from core.dead_letters import LONGEST_NOTE, DeadLetter
from core.models import LARGEST
from fastapi_app.dependencies import Person, TheService
from fastapi_app.house import House
from fastapi_app.pages.drawing import TheCanvas, see
from fastapi_app.places import known_form
from fastapi_app.presenters.dead_letters import LettersAddress, done_in_words, letters_view, waiting_in_words

router = APIRouter(prefix="/dead-letters")

LONGEST_REASON: Final = 1_000
Words = Annotated[str, Query(max_length=200)]
Wish = Annotated[str, Form(max_length=200)]
Count = Annotated[int, Query(ge=0, le=LARGEST)]


def asked(  # each is one part of the address
    *,
    q: Words = "",
    job: Words = "",
    kind: Words = "",
    tag: Words = "",
    group: Words = "",
    since: Words = "",
    at: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
) -> LettersAddress:
    """Return what the address says."""
    job_id = known_form("job", job) if job else ""
    return LettersAddress(q=q.strip(), job=job_id, kind=kind, tag=tag, group=group, since=since, at=at)


Address = Annotated[LettersAddress, Depends(asked)]


@router.get("")
def show(
    canvas: TheCanvas,
    service: TheService,
    address: Address,
    did: Annotated[str, Query(max_length=20)] = "",
    made: Count = 0,
    gone: Count = 0,
    kept: Count = 0,
) -> HTMLResponse:
    """Show what failed and waits for somebody."""
    desk = service.dead_letters
    everything = desk.find()
    found = desk.find(address.query()) if address.filtered else everything
    kinds = sorted({one.letter.kind for one in everything})
    view = letters_view(address, found, desk.groups(found), kinds, len(everything), service.clock.now())
    done = done_in_words(did, made, gone, kept)
    return canvas.draw("pages/dead_letters.html", "dead-letters", view=view, done=done)


def add_parts(house: House) -> None:
    """Keep up to date how many wait, for those who look at the page."""
    manager, render = house.service.manager, house.templates.render

    def draw() -> str:
        sentence = waiting_in_words(manager.count_letters())
        return render("partials/letters_now.html", sentence=sentence)

    house.parts.add("letters", "letters-now", draw)


class Meant:
    """The failed runs that a form means: one, or all that match and were there when its page was made."""

    def __init__(
        self,
        service: TheService,
        address: Address,
        run: Wish = "",
        seen: Annotated[str, Form(max_length=40)] = "",
    ) -> None:
        self.address = address
        self._run = run
        self._seen = seen
        self._service = service

    @property
    def run_ids(self) -> list[str]:
        """Return the ids of the runs."""
        if self._run:
            return [self._run]
        before = _moment(self._seen)
        return [one.letter.run_id for one in self._matching() if one.letter.at <= before]

    def _matching(self) -> tuple[DeadLetter, ...]:
        return self._service.dead_letters.find(self.address.query())


TheMeant = Annotated[Meant, Depends(Meant)]


def _moment(text: str) -> datetime:
    """Return when the page was made; what does not say it means nothing that is there."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@router.post("/requeue")
def requeue(service: TheService, meant: TheMeant, person: Person) -> RedirectResponse:
    """Ask for a new run of each job that is meant."""
    done = service.dead_letters.requeue(meant.run_ids, asked_by=person.name)
    return _back(meant.address, "requeued", made=len(done.made), gone=len(done.covered), kept=len(done.kept))


@router.post("/discard")
def discard(
    service: TheService,
    meant: TheMeant,
    person: Person,
    reason: Annotated[str, Form(max_length=LONGEST_REASON)] = "",
) -> RedirectResponse:
    """Give failed runs up."""
    gone = service.dead_letters.discard(meant.run_ids, by=person.name, reason=reason)
    return _back(meant.address, "discarded", gone=len(gone))


@router.post("/note")
def note(
    service: TheService,
    address: Address,
    person: Person,
    failure: Annotated[str, Form(pattern="^[0-9a-f]{16}$")],
    text: Annotated[str, Form(max_length=2 * LONGEST_NOTE)] = "",
) -> RedirectResponse:
    """Note something about a failure."""
    service.dead_letters.keep_note(failure, text, by=person.name)
    return _back(address, "noted")


def _back(address: LettersAddress, did: str, **counts: int) -> RedirectResponse:
    """Go back to the page, with its filter."""
    told = {name: str(count) for name, count in counts.items() if count}
    return see(address.path(did=did, **told))
