"""A month as a grid: what each day amounted to, what is due on those to come, and one day in full."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from core.absences import Absence
from core.happenings import Happening
from core.models import Value
from core.rollups import Tally
from core.schedules import zone_named
from core.states import RunState
from fastapi_app.presenters.states import MARKS, Mark
from fastapi_app.presenters.texts import plural
from fastapi_app.presenters.timeline import MISSED

DAYS_A_WEEK: Final = 7
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EARLIEST_YEAR: Final = 2000
LATEST_YEAR: Final = 2199
DUE: Final = Mark(st="scheduled", icon="i-clock", word="due")
GOOD: Final = Mark(st="ok", icon="st-ok", word="good")
FAILED: Final = Mark(st="failed", icon="st-failed", word="failed")
AWAY: Final = Mark(st=MISSED.st, icon=MISSED.icon, word="did not run")
OFF: Final = Mark(st="cancelled", icon="st-cancelled", word="called off")


class Count(Value, frozen=True, kw_only=True):
    """How many of one sort a day has."""

    mark: Mark
    many: int


class Day(Value, frozen=True, kw_only=True):
    """A square of the grid; `inside` tells whether it is of this month, `label` says all of it in words."""

    day: date
    inside: bool
    today: bool
    chosen: bool
    counts: tuple[Count, ...]
    label: str
    address: str


class DueThen(Value, frozen=True, kw_only=True):
    """A due time of a job."""

    job_id: str
    name: str
    at: datetime


class EndedThen(Value, frozen=True, kw_only=True):
    """A run that ended, or something that stayed away."""

    address: str
    name: str
    at: datetime
    mark: Mark
    words: str


class DayInFull(Value, frozen=True, kw_only=True):
    """One day: what ran, what did not, what is due; each with what was too much to show, in words."""

    title: str
    day: date
    ended: tuple[EndedThen, ...]
    due: tuple[DueThen, ...]
    more: str


class Month(Value, frozen=True, kw_only=True):
    """The grid, week by week."""

    title: str
    month: date
    weeks: tuple[tuple[Day, ...], ...]
    weekdays: tuple[str, ...]
    earlier: str
    later: str
    sentence: str
    zone: str
    zone_of_browser: bool
    more: str
    day: DayInFull | None = None


def month_in(text: str, now: datetime, zone: ZoneInfo) -> date:
    """Return the first day of the month that an address names, this month for anything else."""
    today = now.astimezone(zone).date().replace(day=1)
    try:
        named = datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a month has no zone
    except ValueError:
        return today
    return named if EARLIEST_YEAR <= named.year <= LATEST_YEAR else today


def day_in(text: str) -> date | None:
    """Return the day that an address names; None for anything else."""
    try:
        named = date.fromisoformat(text)
    except ValueError:
        return None
    return named if EARLIEST_YEAR <= named.year <= LATEST_YEAR else None


def grid_of(month: date) -> tuple[date, ...]:
    """Return the days of the weeks that a month touches, and the one after them."""
    first = month - timedelta(days=month.weekday())
    following = next_month(month)
    many = -(-(following - first).days // DAYS_A_WEEK) * DAYS_A_WEEK
    return tuple(first + timedelta(days=number) for number in range(many + 1))


def next_month(month: date) -> date:
    """Return the first day of the month after this one."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins by the clocks of a zone, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(zone_named("UTC"))


def tallied(tallies: Iterable[Tally], zone: ZoneInfo) -> dict[date, Counter[str]]:
    """Return how runs ended, by the day in which their hour began."""
    days: dict[date, Counter[str]] = {}
    for tally in tallies:
        of_day = days.setdefault(tally.at.astimezone(zone).date(), Counter())
        for state in (RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED, RunState.SKIPPED):
            of_day[state] += tally.count(state)
    return days


def month_of(  # what the days amounted to, and what is to come
    month: date,
    ended: Mapping[date, Counter[str]],
    away: Iterable[Absence],
    due: Mapping[date, int],
    now: datetime,
    zone: ZoneInfo,
    *,
    chosen: date | None,
    zone_of_browser: bool,
    left_out: int,
) -> Month:
    """Return the grid."""
    today = now.astimezone(zone).date()
    missed = Counter(one.at.astimezone(zone).date() for one in away)
    days = tuple(
        _day(day, month, today, chosen, _counts(ended.get(day, Counter()), missed[day], due.get(day, 0)))
        for day in grid_of(month)[:-1]
    )
    before = month - timedelta(days=1)
    return Month(
        title=f"{month:%B %Y}",
        month=month,
        weeks=tuple(days[place : place + DAYS_A_WEEK] for place in range(0, len(days), DAYS_A_WEEK)),
        weekdays=WEEKDAYS,
        earlier=_address(before.replace(day=1)) if before.year >= EARLIEST_YEAR else "",
        later=_address(next_month(month)) if next_month(month).year <= LATEST_YEAR else "",
        sentence=_sentence([day for day in days if day.inside]),
        zone=zone.key,
        zone_of_browser=zone_of_browser,
        more=f"{plural(left_out, 'job')} could not be counted in: there are too many due times."
        if left_out
        else "",
    )


def _counts(ended: Counter[str], missed: int, due: int) -> tuple[Count, ...]:
    every = (
        (FAILED, ended[RunState.FAILED]),
        (AWAY, missed),
        (GOOD, ended[RunState.COMPLETED]),
        (OFF, ended[RunState.CANCELLED] + ended[RunState.SKIPPED]),
        (DUE, due),
    )
    return tuple(Count(mark=mark, many=many) for mark, many in every if many)


def _day(day: date, month: date, today: date, chosen: date | None, counts: tuple[Count, ...]) -> Day:
    said = ", ".join(f"{count.many:,} {count.mark.word}" for count in counts) or "nothing"
    return Day(
        day=day,
        inside=day.month == month.month,
        today=day == today,
        chosen=day == chosen,
        counts=counts,
        label=f"{day:%A %-d %B}: {said}",
        address=f"{_address(month)}&day={day.isoformat()}#day",
    )


def _address(month: date) -> str:
    return f"/schedules?view=calendar&month={month:%Y-%m}"


def _sentence(days: Sequence[Day]) -> str:
    totals: Counter[str] = Counter()
    for day in days:
        totals.update({count.mark.word: count.many for count in day.counts})
    said = [f"{totals[mark.word]:,} {mark.word}" for mark in (GOOD, FAILED, AWAY, DUE) if totals[mark.word]]
    return f"{', '.join(said)}." if said else "Nothing ran, and nothing is due."


def day_in_full(  # all that is known of it
    day: date,
    ended: Iterable[Happening],
    away: Iterable[Absence],
    due: Sequence[DueThen],
    most: int,
) -> DayInFull:
    """Return a day in full; of each sort `most` are shown."""
    runs = [_ended(one) for one in ended]
    shown = sorted(
        runs + _stayed_away(away)[:most], key=lambda one: (one.mark.st == GOOD.st, -one.at.timestamp())
    )
    much = [
        f"{plural(len(due) - most, 'more due time')}." if len(due) > most else "",
        "Of runs that ended the same way the latest are shown." if len(runs) >= most else "",
    ]
    return DayInFull(
        title=f"{day:%A %-d %B %Y}",
        day=day,
        ended=tuple(shown),
        due=tuple(due[:most]),
        more=" ".join(filter(None, much)),
    )


def _stayed_away(away: Iterable[Absence]) -> list[EndedThen]:
    """Return a row for each job that did not run though it was due, with the last reason."""
    last: dict[str, Absence] = {}
    times: Counter[str] = Counter()
    for one in away:
        last[one.job_id] = one
        times[one.job_id] += 1
    return [
        EndedThen(
            address=f"/jobs/{job_id}",
            name=one.name,
            at=one.at,
            mark=MISSED,
            words=one.words if times[job_id] == 1 else f"{times[job_id]:,} times, the last: {one.words}",
        )
        for job_id, one in last.items()
    ]


def _ended(one: Happening) -> EndedThen:
    mark = MARKS.get(one.state, DUE)
    return EndedThen(address=f"/runs/{one.run_id}", name=one.name, at=one.at, mark=mark, words=one.words)


def with_day(grid: Month, day: DayInFull) -> Month:
    """Return the grid with one of its days in full."""
    return replace(grid, day=day)
