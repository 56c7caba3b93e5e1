"""Dead letters: the failed runs that nobody has requeued or discarded yet."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from pydantic import Field, StrictBool, model_validator

from core.dead_letters import (
    LONGEST_NOTE,
    DeadLetter,
    DeadLetters,
    FailureGroup,
    LetterQuery,
    Note,
    Requeued,
)
from core.errors import NotFound
from fastapi_app.api.entries import Entry, PlainText
from fastapi_app.api.values import Out, RunOut
from fastapi_app.dependencies import Manager, Person, TheService
from fastapi_app.places import RunId, known_form

router = APIRouter(tags=["dead letters"])

MOST: Final = 500
PAGE: Final = 50
MOST_IDS: Final = 10_000
MOST_NAMED: Final = 50
"""How many runs of a group are named."""

Words = Annotated[str, Query(max_length=200)]
Fingerprint = Annotated[str, Field(max_length=200)]


class LetterOut(Out):
    """A failed run that waits for somebody; `succeeded` says that its job has succeeded since."""

    run_id: str
    job_id: str
    job: str
    number: int
    kind: str
    at: datetime
    attempts: int
    code: str
    message: str
    group: str
    succeeded: bool

    @classmethod
    def of(cls, one: DeadLetter) -> "LetterOut":
        """Return the letter as JSON says it."""
        letter = one.letter
        return cls(
            run_id=letter.run_id,
            job_id=letter.job_id,
            job=one.job.name,
            number=letter.number,
            kind=letter.kind,
            at=letter.at,
            attempts=letter.attempts,
            code=letter.code,
            message=letter.message,
            group=letter.fingerprint,
            succeeded=one.succeeded,
        )


class LettersOut(Out):
    """Some dead letters, the newest first; `total` is how many match."""

    items: list[LetterOut]
    total: int


class NoteOut(Out):
    """What somebody noted about a failure."""

    text: str
    by: str
    at: datetime


class GroupOut(Out):
    """The same error in `runs` runs of `jobs` jobs; the newest of its runs are named."""

    group: str
    kind: str
    code: str
    message: str
    runs: int
    jobs: int
    since: datetime
    latest_at: datetime
    run_ids: list[str]
    note: NoteOut | None

    @classmethod
    def of(cls, group: FailureGroup) -> "GroupOut":
        """Return the group as JSON says it."""
        newest = group.newest
        return cls(
            group=group.fingerprint,
            kind=newest.kind,
            code=newest.code,
            message=newest.message,
            runs=len(group.letters),
            jobs=group.jobs,
            since=group.since,
            latest_at=newest.at,
            run_ids=[one.letter.run_id for one in group.letters[:MOST_NAMED]],
            note=note_out(group.note),
        )


class GroupsOut(Out):
    """Failures with the same error together, the largest group first."""

    items: list[GroupOut]
    total: int


class FilterEntry(Entry):
    """Which dead letters; what is left out matches any."""

    q: PlainText = ""
    job: PlainText = ""
    kind: PlainText = ""
    tag: PlainText = ""
    group: PlainText = ""
    succeeded: StrictBool | None = None

    def query(self) -> LetterQuery:
        """Return it as it is asked."""
        return wanted(**self.model_dump())


class ManyEntry(Entry):
    """Which dead letters to act on: either by the ids of their runs, or all that match a filter.

    An empty filter is all there are. With `dry_run` nothing is done but counting.
    """

    run_ids: Annotated[list[PlainText], Field(max_length=MOST_IDS)] | None = None
    filter: FilterEntry | None = None
    dry_run: StrictBool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> "ManyEntry":
        if (self.run_ids is None) == (self.filter is None):
            raise ValueError("Say either `run_ids` or `filter`.")
        return self

    def letters(self, desk: DeadLetters) -> tuple[DeadLetter, ...]:
        """Return what it names of what there is."""
        if self.filter is not None:
            return desk.find(self.filter.query())
        wanted = set(self.run_ids or ())
        return tuple(one for one in desk.find() if one.letter.run_id in wanted)


class ReasonEntry(Entry):
    """Why a failed run is given up."""

    reason: Annotated[PlainText, Field(max_length=1_000)] = ""


class DiscardEntry(ManyEntry):
    """Which dead letters to give up, and why."""

    reason: Annotated[PlainText, Field(max_length=1_000)] = ""


class NoteEntry(Entry):
    """What to note about a failure; an empty text takes the note away."""

    text: Annotated[PlainText, Field(max_length=LONGEST_NOTE)]


class KeptOut(Out):
    """A dead letter that stays, and why."""

    run_id: str
    job_id: str
    message: str


class RequeuedOut(Out):
    """How many dead letters of how many jobs were meant, and what became of them.

    `made` are the new runs, one for each job; `covered` are older letters of the same jobs.
    """

    runs: int
    jobs: int
    made: list[RunOut]
    covered: list[str]
    kept: list[KeptOut]


class DiscardedOut(Out):
    """How many dead letters of how many jobs were meant, and which of them are gone."""

    runs: int
    jobs: int
    gone: list[str]


def wanted(  # each is one part of the question
    *,
    q: Words = "",
    job: Words = "",
    kind: Words = "",
    tag: Words = "",
    group: Words = "",
    succeeded: bool | None = None,
) -> LetterQuery:
    """Return what is asked; raises NotFound for a job id that cannot be one."""
    job_id = known_form("job", job) if job else ""
    return LetterQuery(text=q, job_id=job_id, kind=kind, tag=tag, group=group, succeeded=succeeded)


Wanted = Annotated[LetterQuery, Depends(wanted)]


@router.get("/dead-letters")
def letters(
    service: TheService,
    query: Wanted,
    limit: Annotated[int, Query(ge=1, le=MOST)] = PAGE,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> LettersOut:
    """Return dead letters, the newest first."""
    found = service.dead_letters.find(query)
    items = [LetterOut.of(one) for one in found[offset : offset + limit]]
    return LettersOut(items=items, total=len(found))


@router.get("/dead-letters/groups")
def groups(
    service: TheService, query: Wanted, limit: Annotated[int, Query(ge=1, le=MOST)] = PAGE
) -> GroupsOut:
    """Return dead letters with those of the same error together."""
    found = service.dead_letters.groups(service.dead_letters.find(query))
    return GroupsOut(items=[GroupOut.of(group) for group in found[:limit]], total=len(found))


@router.get("/dead-letters/groups/{fingerprint}")
def group_of(fingerprint: str, service: TheService) -> GroupOut:
    """Return the dead letters of one error."""
    desk = service.dead_letters
    found = desk.groups(desk.find(LetterQuery(group=fingerprint))) if fingerprint else ()
    if not found:
        raise NotFound("failure", fingerprint[:40])
    return GroupOut.of(found[0])


@router.post("/dead-letters/groups/{fingerprint}/note")
def note(fingerprint: Fingerprint, entry: NoteEntry, service: TheService, person: Person) -> NoteOut | None:
    """Note something about the failure, for the next time; an empty text takes the note away."""
    return note_out(service.dead_letters.keep_note(fingerprint, entry.text, by=person.name))


@router.post("/dead-letters/requeue", status_code=202)
def requeue(entry: ManyEntry, service: TheService, person: Person) -> RequeuedOut:
    """Ask for a new run of each job that is meant; its older dead letters are covered by that."""
    meant = entry.letters(service.dead_letters)
    ids, jobs = [one.letter.run_id for one in meant], len({one.job.id for one in meant})
    done = Requeued() if entry.dry_run else service.dead_letters.requeue(ids, asked_by=person.name)
    return RequeuedOut(
        runs=len(meant),
        jobs=jobs,
        made=[RunOut.of(run) for run in done.made],
        covered=list(done.covered),
        kept=[KeptOut.model_validate(kept) for kept in done.kept],
    )


@router.post("/dead-letters/discard")
def discard(entry: DiscardEntry, service: TheService, person: Person) -> DiscardedOut:
    """Give failed runs up; their history stays."""
    meant = entry.letters(service.dead_letters)
    ids, jobs = [one.letter.run_id for one in meant], len({one.job.id for one in meant})
    gone = () if entry.dry_run else service.dead_letters.discard(ids, by=person.name, reason=entry.reason)
    return DiscardedOut(runs=len(meant), jobs=jobs, gone=list(gone))


@router.post("/runs/{run_id}/discard")
def discard_one(run_id: RunId, manager: Manager, person: Person, entry: ReasonEntry | None = None) -> RunOut:
    """Give a failed run up: it leaves the dead letters, its history stays."""
    manager.discard(run_id, by=person.name, reason=entry.reason if entry else "")
    return RunOut.of(manager.run(run_id))


def note_out(note: Note | None) -> NoteOut | None:
    """Return a note as JSON says it; null is none."""
    return NoteOut.model_validate(note) if note else None
