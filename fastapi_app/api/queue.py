"""The queue: what is at work, what waits and why, and what people say about it."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field, StrictInt

from core.models import Priority, Run
from core.queueing import Pause, Scope
from core.states import RunState
from core.waiting_room import AtWork, Guest, Queue, Shared
from fastapi_app.api.entries import Entry, PlainText
from fastapi_app.api.values import Out, WaitingOut
from fastapi_app.dependencies import Manager, Person, TheService

router = APIRouter(prefix="/queue", tags=["queue"])

MOST: Final = 1_000
SHOWN: Final = 100


class PauseOut(Out):
    """Nothing new begins: by whom, since when, why, and until when; None for until somebody resumes it."""

    by: str
    at: datetime
    reason: str
    until: datetime | None


class GuestOut(Out):
    """A run that is at work or waits, in short; `waiting` says why, `seconds_left` what it usually still needs."""

    run_id: str
    number: int
    job_id: str
    job: str
    kind: str
    state: RunState
    priority: Priority
    groups: list[str]
    since: datetime
    seconds_left: float | None = None
    waiting: WaitingOut | None = None

    @classmethod
    def of(cls, run: Run, job: str, **fields: Any) -> "GuestOut":  # noqa: ANN401 - fields of this
        """Return the run as JSON says it."""
        return cls.model_construct(
            run_id=run.id,
            number=run.number,
            job_id=run.job_id,
            job=job,
            kind=run.kind,
            state=run.state,
            priority=run.priority,
            groups=list(run.groups),
            **({"seconds_left": None, "waiting": None} | fields),
        )

    @classmethod
    def of_guest(cls, guest: Guest, now: datetime) -> "GuestOut":
        """Return a run that waits as JSON says it."""
        since = guest.run.due_at or guest.run.created_at
        return cls.of(guest.run, guest.job.name, since=since, waiting=WaitingOut.of(guest.waiting, now))

    @classmethod
    def of_work(cls, work: AtWork) -> "GuestOut":
        """Return a run at work as JSON says it."""
        since = work.run.started_at or work.run.created_at
        return cls.of(work.run, work.job.name, since=since, seconds_left=work.left)


class SharedOut(Out):
    """A kind or a group: how many of its runs are at work and queued; `most` is its limit, None is none."""

    scope: Scope
    name: str
    busy: int
    queued: int
    most: int | None
    paused: PauseOut | None

    @classmethod
    def of(cls, shared: Shared) -> "SharedOut":
        """Return the kind or group as JSON says it."""
        fields = {name: getattr(shared, name) for name in ("scope", "name", "busy", "queued", "most")}
        return cls.model_construct(**fields, paused=_pause_out(shared.pause))


class PausedJobOut(Out):
    """A job of which nothing new begins."""

    job_id: str
    job: str
    paused: PauseOut


class BreakerOut(Out):
    """Something that could not be reached: runs that need it wait until then."""

    name: str
    failures: int
    until: datetime | None
    message: str


class QueueOut(Out):
    """The queue. Of `line` and `others` the first are shown; `in_line` and `in_others` count all."""

    paused: PauseOut | None
    slots: int
    busy: int
    most: int | None
    working: bool
    at_work: list[GuestOut]
    line: list[GuestOut]
    in_line: int
    others: list[GuestOut]
    in_others: int
    shared: list[SharedOut]
    paused_jobs: list[PausedJobOut]
    breakers: list[BreakerOut]

    @classmethod
    def of(cls, queue: Queue) -> "QueueOut":
        """Return the queue as JSON says it."""
        paused_jobs = [
            PausedJobOut(job_id=one.job.id, job=one.job.name, paused=PauseOut.model_validate(one.pause))
            for one in queue.paused_jobs
        ]
        return cls.model_construct(
            paused=_pause_out(queue.pause),
            slots=queue.load.slots,
            busy=queue.load.busy,
            most=queue.most,
            working=queue.working,
            at_work=[GuestOut.of_work(work) for work in queue.at_work],
            line=[GuestOut.of_guest(guest, queue.at) for guest in queue.line],
            in_line=queue.in_line,
            others=[GuestOut.of_guest(guest, queue.at) for guest in queue.others],
            in_others=queue.in_others,
            shared=[SharedOut.of(shared) for shared in queue.shared],
            paused_jobs=paused_jobs,
            breakers=[
                BreakerOut(name=name, failures=one.failures, until=one.until, message=one.message)
                for name, one in sorted(queue.breakers.items())
            ],
        )


def _pause_out(pause: Pause | None) -> PauseOut | None:
    return PauseOut.model_validate(pause) if pause is not None else None


class ScopeEntry(Entry):
    """What of the queue is meant: all of it, or a kind, a job (its id) or a group by its name."""

    scope: Scope = Scope.QUEUE
    name: PlainText = ""


class PauseEntry(ScopeEntry):
    """A pause: why, and until when."""

    reason: PlainText = ""
    until: AwareDatetime | None = None


class LimitEntry(ScopeEntry):
    """How many runs are at work at once at most; null is what goes without saying."""

    most: Annotated[StrictInt, Field(ge=1, le=10_000)] | None = None


@router.get("")
def show(service: TheService, limit: Annotated[int, Query(ge=0, le=MOST)] = SHOWN) -> QueueOut:
    """Return how the queue is."""
    return QueueOut.of(service.waiting_room.queue(limit))


@router.post("/pause")
def pause(entry: PauseEntry, manager: Manager, service: TheService, person: Person) -> QueueOut:
    """Let nothing new begin; what is at work goes on."""
    manager.pause_line(entry.scope, entry.name, by=person.name, reason=entry.reason, until=entry.until)
    return QueueOut.of(service.waiting_room.queue(SHOWN))


@router.post("/resume")
def resume(entry: ScopeEntry, manager: Manager, service: TheService) -> QueueOut:
    """Let what was paused begin again."""
    manager.resume_line(entry.scope, entry.name)
    return QueueOut.of(service.waiting_room.queue(SHOWN))


@router.post("/limits")
def limit(entry: LimitEntry, manager: Manager, service: TheService) -> QueueOut:
    """Let at most so many runs of a kind, a group, or all be at work at once."""
    manager.limit(entry.scope, entry.name, entry.most)
    return QueueOut.of(service.waiting_room.queue(SHOWN))
