"""What a schedule does when it is looked at: which due time makes a run, and what is left out, and why. Pure.

The manager carries it out and keeps where it got to, in one change: so no crash doubles a due time or loses one.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from core.models import Job, Missed, Overlap, Run, Schedule, Value
from core.schedules import due_after, due_between, end_of_blackout, last_due, moment_in_words, zone_named
from core.states import RunState

SCHEDULE: Final = "schedule/"
"""How the names of the registers begin that say how far the due times of a job are settled."""

LATE: Final = timedelta(minutes=1)
"""A due time that is further back was missed: Holdfast was off, or the machine asleep."""
SET_BACK: Final = timedelta(hours=1)
"""A clock that was set back by so much starts anew; by less, nothing is doubled."""
MOST_COUNTED: Final = 1_000
OFF: Final = "off"

Draw = Callable[[float, float], float]


class Cursor(Value, frozen=True, kw_only=True, omit_defaults=True):
    """How far the due times of a job are settled, as its register keeps it.

    `of` is the schedule they were counted by. `skip` is a due time that somebody asked to be left out.
    `left_out` counts those that were left out, `left_out_at` is the last of them and `reason` says why.
    """

    settled: datetime
    of: str
    skip: datetime | None = None
    left_out: int = 0
    left_out_at: datetime | None = None
    reason: str = ""

    @classmethod
    def of_job(cls, job: Job, kept: Mapping[str, Any] | None) -> Self:
        """Return how far a job is; from its last edit on where its schedule is another one than before."""
        try:
            known = msgspec.convert(dict((kept or {}).items()), cls)
        except msgspec.ValidationError:
            known = None
        words = _fingerprint(job)
        if known is None:
            return cls(settled=job.updated_at, of=words)
        if known.of == words:
            return known
        return replace(known, settled=max(known.settled, job.updated_at), of=words, skip=None)

    def mapping(self) -> dict[str, Any]:
        """Return what is to be kept."""
        kept: dict[str, Any] = msgspec.to_builtins(self)
        return kept

    def without(self, slot: datetime | None, many: int, reason: str) -> Self:
        """Return the cursor with so many due times left out, the last of them at `slot`."""
        return replace(
            self, left_out=self.left_out + many, left_out_at=slot or self.left_out_at, reason=reason
        )


class Due(Value, frozen=True, kw_only=True):
    """A run to make: the due time it stands for, and when it may begin."""

    slot_at: datetime
    due_at: datetime


class Firing(Value, frozen=True, kw_only=True):
    """What a decision about a due time looks at: `begun` and `waiting` are the runs of the job that are not over."""

    job: Job
    kept: Mapping[str, Any] | None
    now: datetime
    begun: Run | None = None
    waiting: Run | None = None
    at_start: bool = False


class Fired(Value, frozen=True, kw_only=True):
    """What comes of it: a run or none, the runs that give way to it, what is kept, and what there is to say.

    `again` tells that more is due by now, and that it may be looked at right away.
    """

    kept: Mapping[str, Any] | None
    run: Due | None = None
    cancels: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    again: bool = False


def next_due(job: Job, kept: Mapping[str, Any] | None) -> datetime | None:
    """Return the next due time that is not settled yet, maybe in the past; None when there is none."""
    if job.schedule is None or not job.enabled:
        return None
    return due_after(job.schedule, Cursor.of_job(job, kept).settled, anchor=job.created_at)


def look_at(job: Job, kept: Mapping[str, Any] | None, now: datetime) -> datetime | None:
    """Return when the job is to be looked at: when it is next due, and at once where something is to be put right."""
    if job.schedule is None:
        return None if kept is None else now
    if not job.enabled:
        return None if kept is None or kept.get("of") == OFF else now
    cursor = Cursor.of_job(job, kept)
    if _is_set_back(cursor, job.schedule, now):
        return now
    return due_after(job.schedule, cursor.settled, anchor=job.created_at)


def coming(job: Job, kept: Mapping[str, Any] | None, now: datetime, most: int) -> tuple[datetime, ...]:
    """Return the next due times from now on, without the one that is to be left out."""
    if job.schedule is None or not job.enabled:
        return ()
    cursor = Cursor.of_job(job, kept)
    start = now if _is_set_back(cursor, job.schedule, now) else max(cursor.settled, now)
    far = datetime.max.replace(tzinfo=now.tzinfo)
    slots = due_between(job.schedule, start, far, anchor=job.created_at, most=most + 1)
    return tuple(slot for slot in slots if slot != cursor.skip)[:most]


def fired(firing: Firing, draw: Draw) -> Fired:
    """Return what the schedule of a job comes to by now."""
    job, schedule = firing.job, firing.job.schedule
    if schedule is None:
        return Fired(kept=None)
    if not job.enabled:
        return _switched_off(firing)
    known = Cursor.of_job(job, firing.kept)
    if not _is_set_back(known, schedule, firing.now):
        return _Pending(firing, schedule, known, known).decide(draw)
    said = (
        f"The clock was set back by {_span(known.settled - firing.now)}: due times are counted from now on."
    )
    early = _ahead_of_its_time(firing)
    if early is not None:
        firing = replace(firing, waiting=None)
    decided = _Pending(firing, schedule, known, replace(known, settled=firing.now, skip=None)).decide(draw)
    cancels = (*((early.id,) if early else ()), *decided.cancels)
    return replace(decided, said=(said, *decided.said), cancels=cancels)


def _switched_off(firing: Firing) -> Fired:
    """Settle everything up to now: what is due while a job is switched off was not missed."""
    cursor = Cursor.of_job(firing.job, firing.kept)
    known = (firing.kept or {}).get("of") == OFF
    return Fired(
        kept=firing.kept if known else replace(cursor, settled=firing.now, of=OFF, skip=None).mapping()
    )


def _is_set_back(cursor: Cursor, schedule: Schedule, now: datetime) -> bool:
    """Tell whether the clock was set back so far that due times are to be counted anew; what was due once, was."""
    return cursor.settled - now >= SET_BACK and cursor.settled != schedule.at


def _ahead_of_its_time(firing: Firing) -> Run | None:
    """Return the run that waits for a due time that comes again; it would hold up every one before that."""
    run = firing.waiting
    if run is None or run.state not in {RunState.SCHEDULED, RunState.BLOCKED}:
        return None
    return run if run.slot_at is not None and run.slot_at > firing.now else None


class _Pending:
    """The due times of a job that are not settled."""

    def __init__(self, firing: Firing, schedule: Schedule, known: Cursor, cursor: Cursor) -> None:
        self._firing = firing
        self._schedule = schedule
        self._known = known
        self._cursor = cursor
        self._now = firing.now
        self._said: list[str] = []

    def decide(self, draw: Draw) -> Fired:
        """Return what comes of them."""
        slot = self._slot()
        if self._firing.at_start and self._schedule.on_start:
            slot = self._now
        if slot is None:
            return self._answer()
        if (why := self._in_the_way(slot)) is not None:
            self._leave_out(slot, 1, f"{self._shown(slot)} was left out: {why}")
            return self._answer()
        cancels = self._giving_way() if self._schedule.overlap == Overlap.CANCEL else ()
        return self._answer(run=self._due(slot, draw), cancels=cancels)

    def _slot(self) -> datetime | None:
        """Return the due time to make a run for, and settle it; None where there is none now."""
        first = self._first()
        if first is not None and first == self._cursor.skip:
            self._settle(first)
            self._leave_out(first, 1, f"{self._shown(first)} was left out, as it was asked for.")
            first = self._first()
        if first is None:
            return None
        if self._now - first <= LATE and self._schedule.missed != Missed.ONCE:
            return self._settle(first)
        match self._schedule.missed:
            case Missed.ALL:
                return self._one_after_the_other(first)
            case Missed.ONCE:
                return self._one_for_all(first)
            case Missed.SKIP:
                return self._only_in_time(first)

    def _first(self) -> datetime | None:
        first = due_after(self._schedule, self._cursor.settled, anchor=self._firing.job.created_at)
        return first if first is not None and first <= self._now else None

    def _one_after_the_other(self, first: datetime) -> datetime | None:
        if self._firing.begun is not None or self._firing.waiting is not None:
            return None
        self._said.append(f"{self._shown(first)} was missed, and is made up for now.")
        return self._settle(first)

    def _one_for_all(self, first: datetime) -> datetime:
        if self._now - first <= LATE and not self._is_due_between(first, self._now):
            return self._settle(first)
        last = self._last(self._now)
        many = self._count(first, last)
        if self._now - first > LATE:
            which = f"{self._shown(first)} was" if many == 1 else f"{_many(many)} due times were"
            self._said.append(f"{which} missed: one run makes up for {'it' if many == 1 else 'all of them'}.")
        if many > 1:
            self._leave_out(last, many - 1, self._said[-1] if self._said else "Several were due at once.")
        return self._settle(last)

    def _only_in_time(self, first: datetime) -> datetime | None:
        missed = self._last(self._now - LATE - timedelta(microseconds=1))
        many = self._count(first, missed)
        which = f"{self._shown(first)} was" if many == 1 else f"{_many(many)} due times were"
        self._settle(missed)
        self._leave_out(missed, many, f"{which} missed and left out, as the job's schedule says.")
        following = self._first()
        return None if following is None else self._settle(following)

    def _last(self, until: datetime) -> datetime:
        """Return the last due time up to a moment; there is one."""
        last = last_due(self._schedule, self._cursor.settled, until, anchor=self._firing.job.created_at)
        return until if last is None else last

    def _count(self, first: datetime, last: datetime) -> int:
        anchor = self._firing.job.created_at
        return 1 + len(due_between(self._schedule, first, last, anchor=anchor, most=MOST_COUNTED))

    def _is_due_between(self, after: datetime, until: datetime) -> bool:
        following = due_after(self._schedule, after, anchor=self._firing.job.created_at)
        return following is not None and following <= until

    def _settle(self, slot: datetime) -> datetime:
        self._cursor = replace(self._cursor, settled=slot)
        if self._cursor.skip is not None and self._cursor.skip <= slot:
            self._cursor = replace(self._cursor, skip=None)
        return slot

    def _leave_out(self, slot: datetime, many: int, reason: str) -> None:
        self._cursor = self._cursor.without(slot, many, reason)
        if reason not in self._said:
            self._said.append(reason)

    def _in_the_way(self, slot: datetime) -> str | None:
        """Return what keeps a due time from making a run, in words."""
        begun, waiting = self._firing.begun, self._firing.waiting
        if waiting is not None and waiting.state == RunState.SCHEDULED and self._is_blackout(slot):
            return f"it waits for the end of the blackout together with run {waiting.number}."
        match self._schedule.overlap:
            case Overlap.SKIP if (present := begun or waiting) is not None:
                return f"run {present.number} is {present.state} and not over yet."
            case Overlap.QUEUE if waiting is not None:
                return f"run {waiting.number} waits already."
        return None

    def _is_blackout(self, moment: datetime) -> bool:
        return end_of_blackout(self._schedule, moment) is not None

    def _giving_way(self) -> tuple[str, ...]:
        runs = (self._firing.waiting, self._firing.begun)
        return tuple(run.id for run in runs if run is not None and run.state != RunState.CANCELLING)

    def _due(self, slot: datetime, draw: Draw) -> Due:
        base = slot if self._now - slot <= LATE else self._now
        jitter = draw(0.0, self._schedule.jitter) if self._schedule.jitter else 0.0
        due_at = base + timedelta(seconds=jitter)
        return Due(slot_at=slot, due_at=end_of_blackout(self._schedule, max(due_at, self._now)) or due_at)

    def _answer(self, *, run: Due | None = None, cancels: tuple[str, ...] = ()) -> Fired:
        unchanged = self._cursor == self._known
        following = self._first()
        return Fired(
            kept=self._firing.kept if unchanged else self._cursor.mapping(),
            run=run,
            cancels=cancels,
            said=tuple(self._said),
            again=following is not None and not unchanged,
        )

    def _shown(self, moment: datetime) -> str:
        zone = zone_named(self._schedule.timezone) or ZoneInfo("UTC")
        return moment_in_words(moment, zone)


def _fingerprint(job: Job) -> str:
    """Return what the due times follow from, in one line."""
    schedule = job.schedule
    if schedule is None or not job.enabled:
        return OFF
    at = schedule.at.isoformat() if schedule.at else ""
    return f"{schedule.cron}|{schedule.every or ''}|{at}|{schedule.timezone}"


def _many(many: int) -> str:
    return f"More than {MOST_COUNTED:,}" if many > MOST_COUNTED else f"{many:,}"


def _span(span: timedelta) -> str:
    hours, rest = divmod(round(span.total_seconds()), 3_600)
    minutes = rest // 60
    said = (f"{hours:,} hour{'s' if hours != 1 else ''}", f"{minutes} minute{'s' if minutes != 1 else ''}")
    return " ".join(said) if minutes else said[0]
