"""A schedule as a person would say it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSimError

from core.models import Schedule, Window
from core.schedules.cron import cron_of
from core.schedules.zones import own_zone_name, zone_named

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
SHORT_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
SHORT_MONTHS: Final = tuple(month[:3].upper() for month in MONTHS)
UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
MOST_TIMES: Final = 6
SIXTY: Final = 60
TWENTY_FOUR: Final = 24
SPECIAL: Final = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}


def in_words(schedule: Schedule) -> str:
    """Return when a job is due, such as "every day at 02:00 (Europe/Berlin)"; no full stop."""
    said = []
    zone = schedule.timezone or own_zone_name()
    if schedule.cron:
        said.append(f"{_cron_in_words(schedule.cron)} ({zone})")
    if schedule.every is not None:
        said.append(f"every {span_in_words(schedule.every, bare=True)}")
    if schedule.at is not None:
        said.append(f"once, on {moment_in_words(schedule.at, zone_named(zone))} ({zone})")
    if schedule.on_start:
        said.append("when Holdfast starts")
    return joined(said) or "never"


def conditions(schedule: Schedule) -> tuple[str, ...]:
    """Return what else there is to say of it, a sentence each."""
    said = []
    if schedule.jitter:
        said.append(f"Up to {span_in_words(schedule.jitter)} later, drawn anew each time.")
    if schedule.blackout:
        said.append(f"Not {joined([_window_in_words(window) for window in schedule.blackout])}.")
    return tuple(said)


def span_in_words(seconds: float, *, bare: bool = False) -> str:
    """Return a span such as "1 hour 30 minutes"; `bare` leaves out the number one where it stands alone."""
    parts = []
    rest = round(seconds, 3)
    for size, unit in UNITS:
        many = int(rest // size)
        rest = round(rest - many * size, 3)
        if unit == "second" and rest:
            parts.append(f"{many + rest:g} seconds")
        elif many:
            parts.append(f"{many} {unit}" + ("s" if many > 1 else ""))
    said = " ".join(parts) or "0 seconds"
    return said.removeprefix("1 ") if bare and len(parts) == 1 else said


def joined(parts: Sequence[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def day_in_words(day: datetime) -> str:
    """Return a day such as "29 March 2026"."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def moment_in_words(moment: datetime, zone: ZoneInfo | None) -> str:
    """Return what calendar and clock of a zone show, such as "29 March 2026 at 03:00"."""
    local = moment.astimezone(zone)
    return f"{day_in_words(local)} at {clock_in_words(local)}"


def clock_in_words(local: datetime) -> str:
    """Return what a clock shows, such as "02:00", with the seconds where there are any."""
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"


def _window_in_words(window: Window) -> str:
    days = "" if not window.days else f" {_days_in_words(window.days)}"
    return f"from {window.start} to {window.end}{days}"


def _days_in_words(days: Sequence[int]) -> str:
    if set(days) == set(range(5)):
        return "on weekdays"
    if set(days) == {5, 6}:
        return "at weekends"
    return "on " + joined([f"{DAYS[day]}s" for day in sorted(set(days))])


def _cron_in_words(text: str) -> str:
    fallback = f"as the cron {text.strip()!r} says"
    try:
        second, minute, hour, day, month, weekday = cron_of(text).parts
    except CronSimError:
        return fallback
    when = _times(second, minute, hour)
    which = _which_days(day, month, weekday)
    if when is None or which is None:
        return fallback
    if when.startswith("every"):
        return when if which == "every day" else f"{when}, {which}"
    return f"{which} {when}"


def _times(second: str, minute: str, hour: str) -> str | None:
    seconds, minutes, hours = _numbers(second), _numbers(minute), _numbers(hour)
    if seconds and minutes and hours and len(seconds) * len(minutes) * len(hours) <= MOST_TIMES:
        clocks = [datetime(1, 1, 1, h, m, s) for h in hours for m in minutes for s in seconds]  # noqa: DTZ001
        return f"at {joined([clock_in_words(clock) for clock in clocks])}"
    if (step := _step(second, SIXTY)) is not None and minute == hour == "*":
        return f"every {step} seconds"
    if seconds == [0] and hour == "*":
        return _within_the_hour(minute, minutes)
    if seconds == [0] and hours and hours == list(range(hours[0], hours[-1] + 1)) and hour != "*":
        step = 1 if minute == "*" else _step(minute, SIXTY)
        last = f"{hours[-1]:02}:{SIXTY - (step or 0)}"
        return None if step is None else f"{_each_minute(step)} from {hours[0]:02}:00 to {last}"
    if seconds == [0] and minutes is not None and len(minutes) == 1:
        step = _step(hour, TWENTY_FOUR)
        return None if step is None else f"every {step} hours, first at 00:{minutes[0]:02}"
    return None


def _within_the_hour(minute: str, minutes: list[int] | None) -> str | None:
    if minute == "*":
        return _each_minute(1)
    if (step := _step(minute, SIXTY)) is not None:
        return _each_minute(step)
    if minutes == [0]:
        return "every hour"
    if minutes is not None and len(minutes) <= MOST_TIMES:
        unit = "minute" if minutes == [1] else "minutes"
        return f"every hour at {joined([str(past) for past in minutes])} {unit} past"
    return None


def _each_minute(step: int) -> str:
    return "every minute" if step == 1 else f"every {step} minutes"


def _which_days(day: str, month: str, weekday: str) -> str | None:
    months = _months(month)
    if months is None or (day != "*" and weekday != "*"):
        return None
    if weekday != "*":
        days = _numbers(weekday, SHORT_DAYS)
        said = None if days is None else _days_in_words([(number - 1) % 7 for number in days])
    elif day == "L":
        said = f"on the last day of {months or 'every month'}"
        months = ""
    elif day != "*":
        days = _numbers(day)
        said = (
            None
            if days is None
            else f"on the {joined([_th(number) for number in days])} of " + (months or "every month")
        )
        months = ""
    else:
        said = "every day"
    return said if not said or not months else f"{said} in {months}"


def _months(month: str) -> str | None:
    if month == "*":
        return ""
    months = _numbers(month, SHORT_MONTHS, first=1)
    return None if months is None else joined([MONTHS[number - 1] for number in months])


def _numbers(part: str, names: Sequence[str] = (), first: int = 0) -> list[int] | None:
    """Return what a part lists, in order; None where it is more than a list of numbers and ranges."""
    found: set[int] = set()
    for term in part.split(","):
        ends = [_number(end, names, first) for end in term.split("-")]
        if None in ends:
            return None
        numbers = [end for end in ends if end is not None]
        found |= set(range(numbers[0], numbers[-1] + 1))
    return sorted(found)


def _number(text: str, names: Sequence[str], first: int) -> int | None:
    if text in names:
        return names.index(text) + first
    return int(text) if text.isdigit() else None


def _step(part: str, whole: int) -> int | None:
    """Return the step of a part such as "*/15", where it divides the whole."""
    step = part.removeprefix("*/")
    if step == part or not step.isdigit() or not 1 < int(step) < whole or whole % int(step):
        return None
    return int(step)


def _th(number: int) -> str:
    return f"{number}{SPECIAL.get(number, 'th')}"
