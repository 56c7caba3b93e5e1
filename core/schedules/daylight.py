"""What the changes of the clocks mean for a schedule, in words."""

from datetime import datetime, timedelta
from typing import Final

from cronsim import CronSimError

from core.models import Schedule
from core.schedules.cron import Cron, cron_of, walls_left_out
from core.schedules.words import clock_in_words, day_in_words, joined
from core.schedules.zones import DAY, ClockChange, changes_between, zone_named

MOST_NAMED: Final = 3


def notes_about(schedule: Schedule, start: datetime, end: datetime) -> tuple[str, ...]:
    """Return what becomes of the schedule at each change of the clocks in a span, a sentence each.

    A change that touches nothing of it is not mentioned.
    """
    zone = zone_named(schedule.timezone)
    if zone is None:
        return ()
    notes = (_note(schedule, change) for change in changes_between(zone, start, end))
    return tuple(note for note in notes if note)


def _note(schedule: Schedule, change: ClockChange) -> str:
    if schedule.every is not None and timedelta(seconds=schedule.every) % DAY == timedelta(0):
        way = "later" if change.forward else "earlier"
        by = abs(change.after - change.before) // timedelta(minutes=1)
        return (
            f"From {day_in_words(change.wall_after)} on the clock shows {by} minutes {way} when it is due: "
            "intervals are counted in real time."
        )
    if not schedule.cron:
        return ""
    try:
        cron = cron_of(schedule.cron)
    except CronSimError:
        return ""
    return _left_out(cron, change) if change.forward else _twice(cron, change)


def _left_out(cron: Cron, change: ClockChange) -> str:
    walls = walls_left_out(cron, change.wall_before, change.wall_after) if cron.names_hours else []
    if not walls:
        return ""
    does, is_due = ("does", "it is") if len(walls) == 1 else ("do", "that is")
    once = "" if len(walls) == 1 else ", once"
    return (
        f"On {day_in_words(walls[0])} {_named(walls)} {does} not exist, because the clocks go from "
        f"{clock_in_words(change.wall_before)} to {clock_in_words(change.wall_after)}: "
        f"{is_due} due at {clock_in_words(change.wall_after)}{once}."
    )


def _twice(cron: Cron, change: ClockChange) -> str:
    walls = walls_left_out(cron, change.wall_after, change.wall_before) if cron.names_hours else []
    if not walls:
        return ""
    come, it_is = ("comes", "it is") if len(walls) == 1 else ("come", "they are")
    which = "the first time only" if cron.names_times else "both times"
    return (
        f"On {day_in_words(walls[0])} {_named(walls)} {come} twice, because the clocks go back from "
        f"{clock_in_words(change.wall_before)} to {clock_in_words(change.wall_after)}: {it_is} due {which}."
    )


def _named(walls: list[datetime]) -> str:
    if len(walls) <= MOST_NAMED:
        return joined([clock_in_words(wall) for wall in walls])
    return f"{clock_in_words(walls[0])} to {clock_in_words(walls[-1])}"
