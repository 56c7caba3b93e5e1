"""The queue as its page shows it: what is at work, what waits and why, and what was said about it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from core.models import Priority, Value
from core.queueing import Pause, Scope
from core.states import RunState
from core.waiting import Part
from core.waiting_room import AtWork, Guest, PausedJob, Queue, Shared
from core.workers import WorkerSeen
from fastapi_app.presenters import times
from fastapi_app.presenters.charts import pips
from fastapi_app.presenters.jobs import label_of
from fastapi_app.presenters.runs import Figure
from fastapi_app.presenters.states import Mark, mark_of
from fastapi_app.presenters.texts import Exactly, plural

SHOWN: Final = 50
BUSY: Final = Mark(st="running", icon="st-running", word="At work")
FREE: Final = Mark(st="ok", icon="st-ok", word="Ready")
STOPPING: Final = Mark(st="late", icon="st-late", word="Stopping")
PRIORITIES: Final = tuple((priority.value, priority.capitalize()) for priority in reversed(Priority))
SPANS: Final = (
    ("", "until somebody resumes it"),
    ("1", "for an hour"),
    ("4", "for 4 hours"),
    ("12", "for 12 hours"),
    ("24", "for a day"),
)
"""For how many hours something is paused."""


class PauseRow(Value, frozen=True, kw_only=True):
    """A pause: by whom, since when, why, and until when."""

    by: str
    at: datetime
    reason: str
    until: datetime | None


class WorkRow(Value, frozen=True, kw_only=True):
    """A run at work."""

    id: str
    job_id: str
    number: int
    name: str
    about: str
    since: datetime
    left: str


class GuestRow(Value, frozen=True, kw_only=True):
    """A run that waits, and why."""

    id: str
    job_id: str
    number: int
    name: str
    mark: Mark
    about: str
    priority: str
    said: tuple[Part, ...]
    starts_at: datetime | None
    movable: bool


class SharedRow(Value, frozen=True, kw_only=True):
    """A kind or a group: its limit, how much of it is taken, and whether it is paused; `key` is its name as it is."""

    scope: str
    key: str
    label: str
    busy: int
    queued: int
    most: int | None
    pause: PauseRow | None


class WorkerRow(Value, frozen=True, kw_only=True):
    """A worker: its state, its slots as marks, and what there is to say of it."""

    name: str
    mark: Mark
    about: str
    since: datetime
    pips: tuple[bool, ...]


class QueueView(Value, frozen=True, kw_only=True):
    """Everything the page shows."""

    sentence: str
    aside: str
    pause: PauseRow | None
    most: int | None
    slots: int
    figures: tuple[Figure, ...]
    at_work: tuple[WorkRow, ...]
    line: tuple[GuestRow, ...]
    more_in_line: int
    others: tuple[GuestRow, ...]
    more_others: int
    kinds: tuple[SharedRow, ...]
    groups: tuple[SharedRow, ...]
    paused_jobs: tuple[tuple[str, str, PauseRow], ...]
    workers: tuple[WorkerRow, ...]
    slots_in_words: str


def queue_view(queue: Queue, workers: Sequence[WorkerSeen] = ()) -> QueueView:
    """Return the page."""
    shared = [_shared(one) for one in queue.shared]
    return QueueView(
        sentence=sentence_of(queue),
        aside=aside_of(queue),
        pause=pause_row(queue.pause) if queue.pause else None,
        most=queue.most,
        slots=queue.load.slots,
        figures=figures_of(queue),
        at_work=tuple(_work(one) for one in queue.at_work),
        line=tuple(_guest(one) for one in queue.line),
        more_in_line=queue.in_line - len(queue.line),
        others=tuple(_guest(one) for one in queue.others),
        more_others=queue.in_others - len(queue.others),
        kinds=tuple(one for one in shared if one.scope == Scope.KIND),
        groups=tuple(one for one in shared if one.scope == Scope.GROUP),
        paused_jobs=tuple(_paused_job(one) for one in queue.paused_jobs),
        workers=tuple(map(_worker, workers)),
        slots_in_words=f"{queue.load.busy:,} of {plural(queue.load.slots, 'slot')} busy",
    )


def sentence_of(queue: Queue) -> str:
    """Return what a person would say first."""
    if queue.pause is not None:
        return "The queue is paused."
    if queue.in_line:
        return f"{plural(queue.in_line, 'run waits', 'runs wait')} in line."
    if queue.at_work:
        return "Everything that is due is running."
    return "Nothing waits."


def aside_of(queue: Queue) -> str:
    """Return the rest of it."""
    parts = [f"{queue.load.busy:,} of {plural(queue.load.slots, 'slot')} busy."]
    if not queue.working:
        parts.append("The slots take nothing new: Holdfast is stopping.")
    if queue.in_others:
        parts.append(f"{plural(queue.in_others, 'run waits', 'runs wait')} for something else.")
    if queue.pause is not None:
        parts.append("What is at work goes on; nothing new begins.")
    return " ".join(parts)


def figures_of(queue: Queue) -> tuple[Figure, ...]:
    """Return the strip of numbers."""
    held = sum(one.pause is not None for one in queue.shared) + len(queue.paused_jobs)
    limit = f"limited to {queue.most} at once" if queue.most is not None else ""
    return (
        Figure(
            name="Slots busy", number=f"{queue.load.busy:,}", unit=f"of {queue.load.slots:,}", aside=limit
        ),
        Figure(name="In line", number=f"{queue.in_line:,}", aside="paused" if queue.pause else ""),
        Figure(
            name="Waiting for something else", number=f"{queue.in_others:,}", aside="time, other jobs, a word"
        ),
        Figure(name="Paused", number=f"{held:,}", aside="kinds, groups and jobs"),
    )


def pause_row(pause: Pause) -> PauseRow:
    """Return the pause as it is shown."""
    return PauseRow(by=pause.by, at=pause.at, reason=pause.reason, until=pause.until)


def _worker(seen: WorkerSeen) -> WorkerRow:
    slots = f"{seen.busy:,} of {plural(seen.slots, 'slot')} busy"
    host = f"on {seen.host}" if seen.host != seen.name else ""
    version = f"version {seen.version}" if seen.version else ""
    return WorkerRow(
        name=seen.name,
        mark=(BUSY if seen.busy else FREE) if seen.working else STOPPING,
        about=", ".join(filter(None, (slots, host, version))),
        since=seen.since,
        pips=pips(min(seen.busy, seen.slots), seen.slots),
    )


def _work(work: AtWork) -> WorkRow:
    run, percent = work.run, work.run.progress.percent
    about = ", ".join(filter(None, (label_of(run.kind), f"{percent:.0f} %" if percent is not None else "")))
    return WorkRow(
        id=run.id,
        job_id=run.job_id,
        number=run.number,
        name=work.job.name,
        about=about,
        since=run.started_at or run.created_at,
        left=f"about {times.span(work.left)} more" if work.left is not None else "",
    )


def _guest(guest: Guest) -> GuestRow:
    run = guest.run
    groups = f"in {', '.join(run.groups)}" if run.groups else ""
    told = run.state == RunState.QUEUED and guest.waiting.starts_at != guest.waiting.until
    return GuestRow(
        id=run.id,
        job_id=run.job_id,
        number=run.number,
        name=guest.job.name,
        mark=mark_of(run),
        about=", ".join(filter(None, (label_of(run.kind), groups))),
        priority=run.priority.value,
        said=guest.waiting.said,
        starts_at=_to_the_minute(guest.waiting.starts_at) if told else None,
        movable=run.state != RunState.PAUSED,
    )


def _to_the_minute(moment: datetime | None) -> datetime | None:
    """Return the moment as exactly as anybody can foresee it, so that it stays the same for a while."""
    return None if moment is None else (moment + timedelta(seconds=30)).replace(second=0, microsecond=0)


def _shared(shared: Shared) -> SharedRow:
    return SharedRow(
        scope=shared.scope.value,
        key=Exactly(shared.name),
        label=label_of(shared.name) if shared.scope is Scope.KIND else shared.name,
        busy=shared.busy,
        queued=shared.queued,
        most=shared.most,
        pause=pause_row(shared.pause) if shared.pause else None,
    )


def _paused_job(one: PausedJob) -> tuple[str, str, PauseRow]:
    return one.job.id, one.job.name, pause_row(one.pause)
