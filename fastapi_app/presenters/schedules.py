"""When every job is due, as pages show it: a list, and the next seven days with what falls together."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from core.models import Job, Schedule, Value
from core.schedules import conditions, due_between, end_of_blackout, own_zone_name, zone_named
from core.timetable import Appointment
from fastapi_app.presenters.states import Mark, mark_of
from fastapi_app.presenters.texts import plural

DAYS: Final = 7
WIDTH: Final = 700
"""Of the drawing; a day is a hundred."""
MOST_LANES: Final = 30
MOST_TIMES: Final = 400
"""A job that is due more often than that in the days shown is drawn as a line."""
SHORTEST: Final = timedelta(minutes=10)
"""A shorter run could not be seen."""
MOST_ROWS: Final = 200
SECONDS_A_DAY: Final = 86_400


class DueRow(Value, frozen=True, kw_only=True):
    """A job that has a schedule; `aside` says what else there is to say, `cron` what it is made of."""

    id: str
    name: str
    words: str
    cron: str
    aside: tuple[str, ...]
    enabled: bool
    next_at: datetime | None
    skip: datetime | None
    left_out: str
    mark: Mark
    last_at: datetime | None


class Lane(Value, frozen=True, kw_only=True):
    """The next days of a job: `path` draws its due times, each as long as its last run."""

    id: str
    name: str
    path: str
    label: str


class Week(Value, frozen=True, kw_only=True):
    """The next seven days: what is due of each job, and `together`, where more than one is at work at once."""

    days: tuple[str, ...]
    lines: str
    lanes: tuple[Lane, ...]
    alone: str
    together: str
    sentence: str
    zone: str
    more: str


class SchedulesPage(Value, frozen=True, kw_only=True):
    """Everything the page shows."""

    sentence: str
    rows: tuple[DueRow, ...]
    more: str
    week: Week


Span = tuple[float, float]
"""From where to where something is drawn."""


def schedules_page(found: Sequence[Appointment], now: datetime) -> SchedulesPage:
    """Return the page of these jobs, the next due first."""
    return SchedulesPage(
        sentence=_sentence(found),
        rows=tuple(due_row(one) for one in found[:MOST_ROWS]),
        more=f"{plural(len(found) - MOST_ROWS, 'job')} more." if len(found) > MOST_ROWS else "",
        week=week_of(found, now),
    )


def _sentence(found: Sequence[Appointment]) -> str:
    if not found:
        return "No job is due by itself yet."
    off = sum(one.next_at is None for one in found)
    said = f"{plural(len(found), 'job has', 'jobs have')} a schedule"
    return f"{said}; {off:,} of them {'is' if off == 1 else 'are'} not due." if off else f"{said}."


def due_row(one: Appointment) -> DueRow:
    """Return the row of a job."""
    run = one.latest_run
    return DueRow(
        id=one.job.id,
        name=one.job.name,
        words=one.words,
        cron=one.schedule.cron,
        aside=conditions(one.schedule),
        enabled=one.job.enabled,
        next_at=one.next_at,
        skip=one.skip,
        left_out=f"{plural(one.left_out, 'due time')} left out so far. {one.reason}" if one.left_out else "",
        mark=mark_of(run),
        last_at=(run.ended_at or run.started_at) if run else None,
    )


def week_of(found: Sequence[Appointment], now: datetime) -> Week:
    """Return the next seven days."""
    zone = zone_named("") or ZoneInfo("UTC")
    today = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    midnights = [(today + timedelta(days=number)).replace(fold=0) for number in range(DAYS + 1)]
    start, end = today, midnights[-1]
    due = [one for one in found if one.next_at is not None and one.next_at < end]
    spans = {one.job.id: _spans_of(one, now, start, end) for one in due}
    every = [span for some in spans.values() for span in some]
    alone, together, most, at = _apart(every)
    return Week(
        days=tuple(f"{day:%a %-d}" for day in midnights[:-1]),
        lines="".join(f"M{number * WIDTH / DAYS:g} 0v24" for number in range(DAYS)),
        lanes=tuple(_lane(one, spans[one.job.id]) for one in due[:MOST_LANES]),
        alone=_path(alone),
        together=_path(together),
        sentence=_most_at_once(most, start + timedelta(days=at * DAYS / WIDTH)),
        zone=own_zone_name(),
        more=f"{plural(len(due) - MOST_LANES, 'job')} more." if len(due) > MOST_LANES else "",
    )


def _most_at_once(most: int, at: datetime) -> str:
    if most < 2:  # noqa: PLR2004 - one alone meets nobody
        return "No two of them are at work at once, if they take as long as the last time."
    return f"Up to {most:,} are at work at once, first on {at:%A at %H:%M}, if they take as long as the last time."


def _lane(one: Appointment, spans: Sequence[Span]) -> Lane:
    label = f"{one.job.name}: {plural(len(spans), 'due time')} in seven days"
    return Lane(id=one.job.id, name=one.job.name, path=_path(spans), label=label)


def _spans_of(one: Appointment, now: datetime, start: datetime, end: datetime) -> list[Span]:
    """Return where the due times of a job are drawn; touching ones as one."""
    times = due_between(one.schedule, now, end, anchor=one.job.created_at, most=MOST_TIMES)
    begins = [end_of_blackout(one.schedule, time) or time for time in times if time != one.skip]
    length = _usual(one.job, one) * WIDTH / (DAYS * SECONDS_A_DAY)
    drawn = [_place(begin, start) for begin in begins]
    if len(times) == MOST_TIMES:
        return [(drawn[0], float(WIDTH))] if drawn else []
    return list(_merged([(at, min(at + length, WIDTH)) for at in drawn]))


def _place(moment: datetime, start: datetime) -> float:
    return (moment - start).total_seconds() * WIDTH / (DAYS * SECONDS_A_DAY)


def _usual(job: Job, one: Appointment) -> float:
    """Return how many seconds a run takes, as far as its last one tells."""
    run = one.latest_run
    took = run.ended_at - run.started_at if run and run.started_at and run.ended_at else SHORTEST
    return max(took, SHORTEST).total_seconds() if job.enabled else 0.0


def _merged(spans: Sequence[Span]) -> Iterator[Span]:
    begin = end = None
    for first, last in sorted(spans):
        if begin is None or end is None:
            begin, end = first, last
        elif first <= end:
            end = max(end, last)
        else:
            yield begin, end
            begin, end = first, last
    if begin is not None and end is not None:
        yield begin, end


def _apart(spans: Sequence[Span]) -> tuple[list[Span], list[Span], int, float]:
    """Return where exactly one is at work, where several are, how many at most, and where that is first."""
    edges = sorted([(first, 1) for first, _ in spans] + [(last, -1) for _, last in spans])
    alone: list[Span] = []
    together: list[Span] = []
    present = most = 0
    where = 0.0
    for (at, step), (following, _) in pairwise([*edges, (float(WIDTH), 0)]):
        present += step
        if present > most:
            most, where = present, at
        if following > at and present:
            (alone if present == 1 else together).append((at, following))
    return list(_merged(alone)), list(_merged(together)), most, where


def _path(spans: Sequence[Span]) -> str:
    """Return the drawing: a stroke where each begins, and a line as long as it lasts."""
    return "".join(f"M{first:.1f} 6v12M{first:.1f} 12h{max(last - first, 1):.1f}" for first, last in spans)


def next_times(schedule: Schedule, coming: Sequence[datetime]) -> tuple[str, ...]:
    """Return due times in the schedule's own zone."""
    zone = zone_named(schedule.timezone)
    return tuple(f"{moment.astimezone(zone):%a %-d %b, %H:%M %Z}" for moment in coming)
