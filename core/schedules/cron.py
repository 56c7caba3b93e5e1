"""When a cron is due: cronsim reads it and walks the calendar, we look after the changes of the clocks.

A cron that names its hours goes by the clock on the wall: a time that is left out is due once, right after the
change. One that names its minutes too is due once where its time comes twice. Everything else goes by real time.
"""

from copy import copy
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from core.schedules.zones import SECOND, changes_between, offset

LONGEST: Final = 200
FIVE: Final = 5
ALL_HOURS: Final = 24
START: Final = datetime(2024, 1, 1)  # noqa: DTZ001 - local time, of no zone
LAST_YEAR: Final = 9_900
"""Half a century, as far as a cron is looked for, and some room before the calendar of Python ends."""

SHORTHANDS: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
PARTS: Final = {
    "second": "the seconds (0 to 59)",
    "minute": "the minutes (0 to 59)",
    "hour": "the hours (0 to 23)",
    "day-of-month": "the day of the month (1 to 31)",
    "month": "the month (1 to 12 or JAN to DEC)",
    "day-of-week": "the day of the week (0 for Sunday to 7, or SUN to SAT)",
}


class Cron:
    """A cron that was read; `text` is how it was written."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._calendar = CronSim(SHORTHANDS.get(text.strip().lower(), text), START)
        self.parts: tuple[str, ...] = tuple(self._calendar.parts)
        """Six, the seconds first."""
        self.names_hours = len(self._calendar.hours) < ALL_HOURS
        self.names_times = self.names_hours and not self.parts[1].startswith("*")

    def wall_after(self, local: datetime) -> datetime | None:
        """Return the next local time, without a zone, after another; None when there is none."""
        if local.year > LAST_YEAR + 40:
            return None
        calendar = copy(self._calendar)
        calendar.dt = local.replace(microsecond=0)
        return next(calendar, None)

    def due_after(self, zone: ZoneInfo, moment: datetime) -> datetime | None:
        """Return when it is next due strictly after a moment; None when never again."""
        return _due_after(self, zone, moment.astimezone(UTC))

    def walk(self, zone: ZoneInfo, at: datetime) -> datetime | None:
        """Return when it is next due strictly after a moment in UTC, found out anew."""
        ahead = offset(zone, at)
        local = at.replace(tzinfo=None) + ahead
        while (wall := self.wall_after(local)) is not None:
            due = wall.replace(tzinfo=UTC) - ahead
            change = next(iter(changes_between(zone, at, due)), None)
            if change is None:
                if not (self.names_times and due.astimezone(zone).fold):
                    return due
                at, local = due, wall
                continue
            if change.forward and self.names_hours and wall < change.wall_after:
                return change.at
            at, ahead = change.at, change.after
            local = change.wall_after - SECOND
        return None


@lru_cache(20_000)
def _due_after(cron: Cron, zone: ZoneInfo, at: datetime) -> datetime | None:
    # One decision asks the same several times, and so does whoever looks at the list.
    return cron.walk(zone, at)


@lru_cache(2_000)
def cron_of(text: str) -> Cron:
    """Return the cron; raises CronSimError."""
    return Cron(text)


@lru_cache(2_000)
def problem_of(text: str) -> str | None:
    """Return what is wrong with a cron, in a sentence; None when nothing is."""
    if len(text) > LONGEST:
        return f"A cron has at most {LONGEST} characters."
    if text.strip().lower() == "@reboot":
        return 'Holdfast has its own word for this: "when Holdfast starts".'
    if text.strip().startswith("@") and text.strip().lower() not in SHORTHANDS:
        return f"{text.strip()!r} is not known; there are {', '.join(SHORTHANDS)}."
    try:
        cron = cron_of(text)
    except CronSimError as error:
        return _explained(text, str(error))
    return None if cron.wall_after(START) is not None else _never(text)


def _explained(text: str, why: str) -> str:
    part = why.removeprefix("Bad ")
    if part in PARTS:
        if part == "day-of-month" and _calendar_has_no_such_day(text):
            return _never(text)
        return f"{text!r} has something wrong in {PARTS[part]}."
    return (
        f"A cron has five parts (minute, hour, day of the month, month, day of the week), "
        f"or six with the seconds first; {text!r} has {len(text.split())}."
    )


def _calendar_has_no_such_day(text: str) -> bool:
    parts = text.split()
    parts[-2] = "*"
    try:
        CronSim(" ".join(parts), START)
    except CronSimError:
        return False
    return True


def _never(text: str) -> str:
    return f"{text!r} never comes: the calendar has no such day."


def walls_left_out(cron: Cron, start: datetime, end: datetime) -> list[datetime]:
    """Return the local times of a cron from `start` to before `end`, at most 61."""
    found: list[datetime] = []
    wall = cron.wall_after(start - timedelta(seconds=1))
    while wall is not None and wall < end and len(found) <= 60:  # noqa: PLR2004 - as the docstring has it
        found.append(wall)
        wall = cron.wall_after(wall)
    return found
