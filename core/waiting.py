"""Why a run is not running: the first thing that holds it, in one sentence, and when that ends. Pure.

Looked for in this order. Paused: since when, and by what. Scheduled: another attempt, a time in which nothing begins,
or the time asked for. Blocked: the jobs it comes after. Queued: nobody carries runs out; then what `core.queueing`
finds, in its order; then its place in line.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from heapq import heapify, heapreplace
from typing import Final, Protocol

from core.models import AfterWhen, Ending, Job, Run, Value
from core.queueing import Holdup, Pause, Reason, Scope
from core.schedules import end_of_blackout
from core.spans import span
from core.states import AT_WORK, RunState

MOST_NAMED: Final = 3
LONGEST_CAUSE: Final = 160
MOST_FORESEEN: Final = 50
"""How far back in line a run may be that it is still said when it will begin."""


class Code(StrEnum):
    """Why a run is not running."""

    SET_DOWN = "set-down"
    INTERRUPTED = "interrupted"
    ASKS = "asks"
    RETRY = "retry"
    BLACKOUT = "blackout"
    START_TIME = "start-time"
    UPSTREAM = "upstream"
    NOBODY = "nobody-at-work"
    PAUSED = "paused"
    JOB_AT_WORK = "job-at-work"
    BREAKER = "breaker"
    LIMIT = "limit"
    SLOTS = "slots"
    LINE = "line"
    BEGINS = "begins"


Part = str | datetime


class Waiting(Value, frozen=True, kw_only=True):
    """Why a run is not running.

    `said` is one sentence, with moments where times are to be told; `until` is when what holds it ends by itself, and
    `starts_at` when it will probably begin.
    """

    code: Code
    said: tuple[Part, ...]
    until: datetime | None = None
    starts_at: datetime | None = None

    def words(self, now: datetime) -> str:
        """Return the sentence, with times as the clocks of this machine show them."""
        return "".join(part if isinstance(part, str) else moment_in_words(part, now) for part in self.said)


def moment_in_words(moment: datetime, now: datetime) -> str:
    """Return the time of day, with the day where that is another one: "14:03 CET", "Sun 22 Nov 02:00 CET"."""
    local, today = moment.astimezone(), now.astimezone()
    return f"{local:%H:%M %Z}" if local.date() == today.date() else f"{local:%a %-d %b %H:%M %Z}"


class Known(Protocol):
    """What is known about other jobs and runs."""

    def job(self, job_id: str) -> Job | None:
        """Return a job; None for one that is gone."""
        ...

    def run(self, run_id: str) -> Run | None:
        """Return a run; None for one that is gone."""
        ...

    def due(self, job_id: str) -> datetime | None:
        """Return when a schedule makes the next run of a job; None where none does."""
        ...

    def left(self, run: Run) -> float | None:
        """Return how many seconds a run at work usually still needs."""
        ...

    def usual(self, run: Run) -> float | None:
        """Return how many seconds such a run usually takes."""
        ...


class Standpoint(Value, frozen=True, kw_only=True):
    """From where a run is looked at.

    `holdup` is what holds it in line, None when it is not there; `before` are the runs that go before it there for
    the same reason, and `other` is a run of its job that has begun. `carried` tells that somebody carries runs out.
    """

    run: Run
    job: Job
    now: datetime
    holdup: Holdup | None = None
    before: tuple[Run, ...] = ()
    other: Run | None = None
    carried: bool = True


def waiting(at: Standpoint, known: Known) -> Waiting | None:
    """Return why a run is not running; None for one that is at work or over."""
    match at.run.state:
        case RunState.PAUSED:
            return _set_down(at)
        case RunState.SCHEDULED:
            return _scheduled(at)
        case RunState.BLOCKED:
            return _blocked(at, known)
        case RunState.QUEUED:
            return _queued(at, known)
        case _:
            return None


# Paused and scheduled


def _set_down(at: Standpoint) -> Waiting:
    attempts = at.run.attempts
    since: tuple[Part, ...] = (" since ", attempts[-1].ended_at) if attempts and attempts[-1].ended_at else ()
    interrupted = bool(attempts) and attempts[-1].ending == Ending.INTERRUPTED
    reason = f" {at.run.reason}" if at.run.reason else ""
    if reason and not interrupted:
        said = ("Paused", *since, ". It asks:", reason, " It goes on when somebody answers.")
        return Waiting(code=Code.ASKS, said=said)
    said = ("Paused", *since, ".", reason, " It goes on from where it was when somebody resumes it.")
    return Waiting(code=Code.INTERRUPTED if interrupted else Code.SET_DOWN, said=said)


def _scheduled(at: Standpoint) -> Waiting:
    run, due = at.run, at.run.due_at
    if due is None or due <= at.now:
        return Waiting(code=Code.START_TIME, said=("Its time has come; it comes into line at once.",))
    if run.attempts and run.attempts[-1].ending == Ending.FAILED:
        return _retry(at, due)
    if run.slot_at is not None and run.slot_at < due:
        return _later_than_due(at, run.slot_at, due)
    by = f" by {run.asked_by}" if run.asked_by and run.slot_at is None else ""
    asked = "as its schedule says" if run.slot_at is not None else f"as asked{by}"
    return Waiting(code=Code.START_TIME, said=("Begins at ", due, f", {asked}."), until=due, starts_at=due)


def _retry(at: Standpoint, due: datetime) -> Waiting:
    all_count = all(attempt.counted for attempt in at.run.attempts)
    most = (
        f" of {at.job.retry.max_attempts}" if all_count and at.run.attempt < at.job.retry.max_attempts else ""
    )
    error = at.run.attempts[-1].error
    cause = f", after: {_one_line(error.message)}" if error else ""
    said = (f"Attempt {at.run.attempt + 1}{most} begins at ", due, cause, "" if cause.endswith(".") else ".")
    return Waiting(code=Code.RETRY, said=said, until=due, starts_at=due)


def _later_than_due(at: Standpoint, slot: datetime, due: datetime) -> Waiting:
    schedule = at.job.schedule
    ends = end_of_blackout(schedule, slot) if schedule is not None else None
    if ends is not None:
        said: tuple[Part, ...] = (
            "Was due at ",
            slot,
            ", when nothing of this job may begin; begins at ",
            due,
            ".",
        )
        return Waiting(code=Code.BLACKOUT, said=said, until=due, starts_at=due)
    said = ("Due at ", slot, "; begins at ", due, ", as was drawn for it.")
    return Waiting(code=Code.START_TIME, said=said, until=due, starts_at=due)


# Blocked


def _blocked(at: Standpoint, known: Known) -> Waiting:
    open_ones = [words for job_id in at.job.after if (words := _parent(job_id, at, known)) is not None]
    due = at.run.due_at if at.run.due_at is not None and at.run.due_at > at.now else None
    not_before: tuple[Part, ...] = (", and not before ", due) if due else ()
    if not open_ones and due is not None:
        return Waiting(code=Code.START_TIME, said=("Begins at ", due, "."), until=due, starts_at=due)
    if not open_ones:
        return Waiting(
            code=Code.UPSTREAM, said=("The jobs it comes after are done; it comes into line at once.",)
        )
    any_of = at.job.after_when == AfterWhen.ANY_ENDED and len(open_ones) > 1
    said = (
        "Waits for the first to end of " if any_of else "Waits for ",
        *_listed(open_ones),
        *not_before,
        ".",
    )
    return Waiting(code=Code.UPSTREAM, said=said)


def _parent(job_id: str, at: Standpoint, known: Known) -> tuple[Part, ...] | None:
    """Return what is still awaited of a job that it comes after; None where nothing is."""
    job = known.job(job_id)
    if job is None:
        return None
    run = known.run(at.run.upstream.get(job_id, ""))
    if run is None:
        due = known.due(job_id)
        when: tuple[Part, ...] = (", due at ", due) if due is not None else (", which nobody has started",)
        return (f"the next run of {job.name}", *when)
    return None if run.over else (f"{job.name} ({_standing(run)})",)


def _standing(run: Run) -> str:
    if run.state == RunState.RUNNING and run.progress.percent is not None:
        return f"running, {run.progress.percent:.0f} %"
    return run.state.value


# Queued


def _queued(at: Standpoint, known: Known) -> Waiting:
    if not at.carried:
        said = ("Nobody carries runs out at present; it begins when Holdfast runs again.",)
        return Waiting(code=Code.NOBODY, said=said)
    holdup = at.holdup
    if at.other is not None and (holdup is None or holdup.reason not in {Reason.PAUSED, Reason.JOB_AT_WORK}):
        return _behind_its_own(at.other, at, known)
    if holdup is None:
        return Waiting(code=Code.BEGINS, said=("It is about to begin.",), starts_at=at.now)
    return _held(holdup, at, known)


def _held(holdup: Holdup, at: Standpoint, known: Known) -> Waiting:
    match holdup.reason:
        case Reason.PAUSED:
            return _paused(holdup, at)
        case Reason.JOB_AT_WORK:
            other = at.other or known.run(holdup.by[0])
            return _behind_its_own(other, at, known) if other and other.id != at.run.id else _letting_go()
        case Reason.BREAKER:
            return _breaker(holdup, at, known)
        case Reason.LIMIT:
            return _limit(holdup, at, known)
        case Reason.SLOTS:
            return _slots(holdup, at, known)
        case Reason.LINE:
            return _in_line(holdup, at)


def _letting_go() -> Waiting:
    return Waiting(
        code=Code.JOB_AT_WORK, said=("Its last attempt is just being put away; it begins after that.",)
    )


def _behind_its_own(other: Run, at: Standpoint, known: Known) -> Waiting:
    if other.state in AT_WORK:
        said = (
            f"Run {other.number} of this job is at work",
            *_since(other, known),
            "; a job never overlaps itself.",
        )
        left = known.left(other)
        starts = None if left is None else at.now + timedelta(seconds=left)
        return Waiting(code=Code.JOB_AT_WORK, said=said, starts_at=starts)
    due: tuple[Part, ...] = ()
    if other.state == RunState.SCHEDULED and other.due_at is not None:
        due = (", until ", other.due_at)
    said = (
        f"Run {other.number} of this job is {other.state}",
        *due,
        " and not over; this one begins after it.",
    )
    return Waiting(code=Code.JOB_AT_WORK, said=said)


def _paused(holdup: Holdup, at: Standpoint) -> Waiting:
    pause = holdup.pause or Pause(at=at.now)
    by = f" by {pause.by}" if pause.by else ""
    until: tuple[Part, ...] = (", until ", pause.until) if pause.until else (", until somebody resumes it",)
    reason = f": {_one_line(pause.reason)}" if pause.reason else ""
    said = (f"{_whole(holdup)} is paused{by} since ", pause.at, *until, reason, _stop(reason))
    return Waiting(code=Code.PAUSED, said=said, until=pause.until)


def _whole(holdup: Holdup) -> str:
    match holdup.scope:
        case Scope.QUEUE:
            return "The queue"
        case Scope.KIND:
            return f"The kind {holdup.name}"
        case Scope.JOB:
            return "This job"
        case Scope.GROUP:
            return f"The group {holdup.name}"


def _breaker(holdup: Holdup, at: Standpoint, known: Known) -> Waiting:
    times = holdup.breaker.failures if holdup.breaker else 0
    message = _one_line(holdup.breaker.message).removesuffix(".") if holdup.breaker else ""
    why = f" ({message})" if message else ""
    counted = f" {times} times in a row" if times > 1 else ""
    failed = f"{holdup.name} could not be reached{counted}{why}"
    if holdup.until is not None and holdup.until > at.now:
        said: tuple[Part, ...] = (f"{failed}; it is tried again at ", holdup.until, ".")
        return Waiting(code=Code.BREAKER, said=said, until=holdup.until)
    probe = _named(holdup.by, known)
    said = (
        (f"{failed}; {_join(probe)} is trying it now.",) if probe else (f"{failed}; it is tried again now.",)
    )
    return Waiting(code=Code.BREAKER, said=said)


def _limit(holdup: Holdup, at: Standpoint, known: Known) -> Waiting:
    those = [run for run_id in holdup.by if (run := known.run(run_id)) is not None]
    many = "one run" if holdup.most == 1 else f"{holdup.most} runs"
    match holdup.scope:
        case Scope.GROUP:
            rule = f"{holdup.name} takes {many} at a time"
        case Scope.KIND:
            rule = f"Of the kind {holdup.name}, {many} at a time may be at work"
        case _:
            rule = f"The queue is limited to {many} at a time"
    said = (rule, *_at_work_there(those, known), *_position(holdup), ".")
    return Waiting(code=Code.LIMIT, said=said, starts_at=_foreseen(holdup, at, known))


def _slots(holdup: Holdup, at: Standpoint, known: Known) -> Waiting:
    many = {0: "It waits for a free slot", 1: "The only slot is busy"}
    busy = many.get(holdup.most, f"All {holdup.most} slots are busy")
    those = [run for run_id in holdup.by if (run := known.run(run_id)) is not None]
    named = _at_work_there(those, known) if len(those) == 1 else ()
    said = (busy, *named, *_position(holdup), ".")
    return Waiting(code=Code.SLOTS, said=said, starts_at=_foreseen(holdup, at, known))


def _in_line(holdup: Holdup, at: Standpoint) -> Waiting:
    if holdup.position <= 1:
        return Waiting(code=Code.BEGINS, said=("It is about to begin.",), starts_at=at.now)
    position = "".join(part for part in _position(holdup) if isinstance(part, str)).removeprefix("; ")
    return Waiting(code=Code.LINE, said=(position[0].upper() + position[1:], "."))


def _position(holdup: Holdup) -> tuple[Part, ...]:
    if holdup.position <= 1:
        return ("; next in line",)
    behind = f", behind {holdup.above:,} of higher priority" if holdup.above else ""
    return (f"; {ordinal(holdup.position)} in line{behind}",)


def ordinal(number: int) -> str:
    """Return "1st", "2nd", "3rd", "11th"."""
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def _at_work_there(runs: Sequence[Run], known: Known) -> tuple[Part, ...]:
    """Return who is there: "; run 7 of Photos is there since 02:00, about 12 min more"."""
    if not runs:
        return ()
    if len(runs) == 1:
        name = _join(_named([runs[0].id], known))
        return (f"; {name} is there", *_since(runs[0], known))
    named = _named([run.id for run in runs], known)
    more = len(runs) - MOST_NAMED
    return (f"; at work are {_join(named[:MOST_NAMED], more=max(more, 0))}",)


def _since(run: Run, known: Known) -> tuple[Part, ...]:
    began = run.attempts[-1].started_at if run.attempts else run.started_at
    since: tuple[Part, ...] = (" since ", began) if began is not None else ()
    left = known.left(run)
    return (*since, *((f", about {span(left)} more",) if left is not None else ()))


def _named(run_ids: Iterable[str], known: Known) -> list[str]:
    named = []
    for run_id in run_ids:
        run = known.run(run_id)
        job = known.job(run.job_id) if run is not None else None
        if run is not None:
            named.append(
                f"run {run.number} of {job.name}" if job else f"run {run.number} of a job that is gone"
            )
    return named


def _foreseen(holdup: Holdup, at: Standpoint, known: Known) -> datetime | None:
    """Return when it will probably begin, where all that goes before it waits for the same and is known."""
    if not len(at.before) == holdup.ahead == holdup.position - 1 < MOST_FORESEEN:
        return None
    at_work = (known.run(run_id) for run_id in holdup.by)
    return soonest(
        [known.left(run) if run is not None else None for run in at_work],
        [known.usual(run) for run in at.before],
        at.now,
    )


def soonest(left: Sequence[float | None], before: Sequence[float | None], now: datetime) -> datetime | None:
    """Return when the next place is free after those `before` had theirs; spans are seconds, None is unknown."""
    free = [seconds for seconds in left if seconds is not None]
    if not free or len(free) < len(left):
        return None
    heapify(free)
    for seconds in before:
        if seconds is None:
            return None
        heapreplace(free, free[0] + seconds)
    return now + timedelta(seconds=free[0])


# Words


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_CAUSE else f"{line[:LONGEST_CAUSE]}…"


def _stop(text: str) -> str:
    return "" if text.endswith((".", "!", "?", "…")) else "."


def _join(parts: Sequence[str], *, more: int = 0) -> str:
    """Return "a", "a and b", "a, b and 3 more"."""
    every = [*parts, f"{more:,} more"] if more else [*parts]
    return " and ".join(filter(None, (", ".join(every[:-1]), every[-1]))) if every else ""


def _listed(parts: Sequence[tuple[Part, ...]]) -> tuple[Part, ...]:
    """Return the parts of a list in words, with a few of them named."""
    shown = parts[:MOST_NAMED]
    more = len(parts) - len(shown)
    said: list[Part] = []
    for number, part in enumerate(shown):
        last = number == len(shown) - 1 and not more
        said += [*((" and " if last else ", ",) if number else ()), *part]
    return (*said, f" and {more:,} more") if more else tuple(said)
