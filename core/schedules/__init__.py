"""When a job is next due; pure. Moments go in and come out in UTC, only a schedule's own times are local."""

from datetime import UTC, datetime, timedelta
from typing import Final

from core.models import SECONDS_OF_A_CENTURY, Schedule
from core.schedules import cron, windows
from core.schedules.cron import LAST_YEAR, cron_of
from core.schedules.daylight import notes_about
from core.schedules.words import conditions, in_words, moment_in_words, span_in_words
from core.schedules.zones import near_names, own_zone_name, zone_named

__all__ = [
    "blackouts_between",
    "conditions",
    "due_after",
    "due_between",
    "end_of_blackout",
    "in_words",
    "last_due",
    "moment_in_words",
    "notes_about",
    "own_zone_name",
    "problems",
    "span_in_words",
    "zone_named",
]

SHORTEST: Final = 1.0
LONGEST_JITTER: Final = 86_400.0
FIRST_YEAR: Final = 1970


def problems(schedule: Schedule) -> dict[str, str]:
    """Return what is wrong with a schedule: a sentence for each of its fields that is not right."""
    found = _problems_of_times(schedule)
    if zone_named(schedule.timezone) is None:
        near = " or ".join(near_names(schedule.timezone))
        found["timezone"] = f"There is no time zone {schedule.timezone!r}." + (
            f" Is it {near}?" if near else ""
        )
    if schedule.jitter > LONGEST_JITTER:
        found["jitter"] = "A run waits at most a day (86400 seconds) beyond its due time."
    elif schedule.every is not None and schedule.jitter >= schedule.every > 0:
        found["jitter"] = (
            "This is not shorter than the interval: the next run would be due before this one begins."
        )
    if (problem := windows.problem_of(schedule.blackout)) is not None:
        found["blackout"] = problem
    return found


def _problems_of_times(schedule: Schedule) -> dict[str, str]:
    given = [name for name in ("cron", "every", "at") if getattr(schedule, name) not in {None, ""}]
    if len(given) > 1:
        return {given[1]: f"Say either {' or '.join(given)}: a job is due by one of them."}
    if not given and not schedule.on_start:
        return {"cron": "Say when the job is due: a cron, an interval, a time, or when Holdfast starts."}
    found = {}
    if schedule.cron and (problem := cron.problem_of(schedule.cron)) is not None:
        found["cron"] = problem
    if schedule.every is not None and schedule.every < SHORTEST:
        found["every"] = "The shortest interval is one second."
    elif schedule.every is not None and not schedule.every <= SECONDS_OF_A_CENTURY:
        found["every"] = "The longest interval is 100 years."
    if schedule.at is not None and not FIRST_YEAR <= schedule.at.year <= LAST_YEAR:
        found["at"] = f"The time has to be in the years {FIRST_YEAR} to {LAST_YEAR}."
    return found


def due_after(schedule: Schedule, moment: datetime, *, anchor: datetime) -> datetime | None:
    """Return when the schedule is next due strictly after a moment; None when never again.

    Intervals are counted from `anchor`, when the job was created, and in real time. What `on_start` makes has no
    time of its own. A schedule that has problems is never due.
    """
    if moment.year > LAST_YEAR:
        return None
    if schedule.cron:
        return _cron_after(schedule, moment)
    if schedule.every is not None and SHORTEST <= schedule.every <= SECONDS_OF_A_CENTURY:
        return _interval_after(timedelta(seconds=schedule.every), moment, anchor)
    if schedule.at is not None and schedule.at > moment:
        return schedule.at.astimezone(UTC)
    return None


def _cron_after(schedule: Schedule, moment: datetime) -> datetime | None:
    zone = zone_named(schedule.timezone)
    if zone is None or cron.problem_of(schedule.cron) is not None:
        return None
    return cron_of(schedule.cron).due_after(zone, moment)


def _interval_after(every: timedelta, moment: datetime, anchor: datetime) -> datetime | None:
    # A moment before the anchor is of a clock that was set back since.
    try:
        return (anchor + ((moment - anchor) // every + 1) * every).astimezone(UTC)
    except OverflowError:
        return None


def due_between(
    schedule: Schedule, after: datetime, until: datetime, *, anchor: datetime, most: int
) -> tuple[datetime, ...]:
    """Return the first `most` due times strictly after a moment, up to and with another."""
    found: list[datetime] = []
    moment = after
    while len(found) < most:
        due = due_after(schedule, moment, anchor=anchor)
        if due is None or due > until:
            break
        found.append(due)
        moment = due
    return tuple(found)


def last_due(schedule: Schedule, after: datetime, until: datetime, *, anchor: datetime) -> datetime | None:
    """Return the last due time strictly after a moment, up to and with another; None when there is none.

    It halves the span again and again, so that a year of minutes costs no more than a day.
    """
    last, end = due_after(schedule, after, anchor=anchor), until
    if last is None or last > until:
        return None
    following = due_after(schedule, last, anchor=anchor)
    while following is not None and following <= end:
        middle = following + (end - following) / 2
        later = due_after(schedule, middle, anchor=anchor)
        if later is not None and later <= until:
            last = later
        else:
            last, end = following, middle
        following = due_after(schedule, last, anchor=anchor)
    return last


def end_of_blackout(schedule: Schedule, moment: datetime) -> datetime | None:
    """Return when the blackout that a moment lies in is over; None when it lies in none."""
    zone = zone_named(schedule.timezone)
    if not schedule.blackout or zone is None:
        return None
    return windows.end_of(schedule.blackout, zone, moment)


def blackouts_between(
    schedule: Schedule, start: datetime, end: datetime
) -> tuple[tuple[datetime, datetime], ...]:
    """Return the spans between two moments in which nothing begins, in order."""
    zone = zone_named(schedule.timezone)
    if not schedule.blackout or zone is None:
        return ()
    return windows.between(schedule.blackout, zone, start, end)
