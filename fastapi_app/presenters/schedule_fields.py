"""The fields of a job's form that say when it is due: simple choices first, a cron for those who want one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from cronsim import CronSimError

from core.drafts import JobDraft
from core.models import Missed, Overlap, Schedule, Value, Window
from core.schedules import in_words, own_zone_name, zone_named
from core.schedules.cron import cron_of
from core.spans import exact, seconds_in
from core.timetable import Preview
from core.work import Fact
from fastapi_app.presenters.fields import Field
from fastapi_app.presenters.texts import Exactly
from fastapi_app.presenters.windows import line_of, window_in

ABOUT: Final = "schedule."
WHEN: Final = "schedule.when"
"""A field that every form has which asks for these."""

TIMES, EVERY, ONCE, CRON, START = "times", "every", "once", "cron", "start"
CHOICES: Final = (
    ("", "By hand, or after other jobs"),
    (TIMES, "At times of the day"),
    (EVERY, "Every so often"),
    (ONCE, "Once, at a time"),
    (CRON, "As a cron says"),
    (START, "Only when Holdfast starts"),
)
DAYS: Final = (
    ("* * *", "Every day"),
    ("* * 1-5", "On weekdays"),
    ("* * 0,6", "At weekends"),
    *((f"* * {(number + 1) % 7}", f"On {day}s") for number, day in enumerate(
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    )),
    ("1 * *", "On the 1st of every month"),
    ("L * *", "On the last day of every month"),
)  # fmt: skip
MISSED: Final = (
    (Missed.ONCE, "One run makes up for all of them"),
    (Missed.ALL, "Each is made up for, one after the other"),
    (Missed.SKIP, "They are left out"),
)
OVERLAP: Final = (
    (Overlap.SKIP, "The due time is left out"),
    (Overlap.QUEUE, "One run waits for its end"),
    (Overlap.CANCEL, "The older run is cancelled"),
)
CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\Z")
MOST_TIMES: Final = 24
LONGEST: Final = 1_000

NO_TIMES: Final = "Write times of the day, such as 02:00 or 07:30, 19:30."
OTHER_MINUTES: Final = (
    "Times of one schedule share their minutes, as 07:30 and 19:30 do. Write a cron for others."
)
NO_CRON: Final = "Write a cron, such as 0 2 * * * for every day at 02:00."
NO_SPAN: Final = "Write a span of time, such as 15 min, 6 h or 2 days."
NO_MOMENT: Final = "Write a day and a time, such as 2026-12-24 18:00."
NO_WINDOW: Final = "Write one window a line, such as 22:00-06:00 or 08:00-18:00 mon-fri."


class ReadSchedule(Value, frozen=True, kw_only=True):
    """What was read from a form: a schedule or none, and what cannot be read, with a sentence and as it was typed."""

    schedule: Schedule | None = None
    typed: Mapping[str, str] = {}
    problems: Mapping[str, str] = {}


class DueShown(Value, frozen=True, kw_only=True):
    """The next due times as the form shows them, in the schedule's own time zone."""

    words: str
    times: tuple[str, ...]
    remarks: tuple[str, ...]
    zone: str


def read_schedule(values: Mapping[str, Any]) -> ReadSchedule:
    """Return when the job is due, as a form says it."""
    form = _Form(values)
    schedule = form.schedule()
    if not form.problems:
        return ReadSchedule(schedule=schedule)
    typed = {name: str(value)[:LONGEST] for name, value in values.items() if name.startswith(ABOUT)}
    return ReadSchedule(typed=typed, problems=form.problems)


class _Form:
    """Reads the fields one by one, and notes what cannot be read."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.problems: dict[str, str] = {}

    def schedule(self) -> Schedule | None:
        when = self._text("when")
        on_start = self._values.get("schedule.on_start") == "true" or when == START
        if not when and not on_start:
            return None
        zone = self._text("timezone")
        due: dict[str, Any] = {}
        match when:
            case "times":
                due = {"cron": self._cron_of_times()}
            case "every":
                due = {"every": self._span("every")}
            case "once":
                due = {"at": self._moment(zone)}
            case "cron":
                due = {"cron": self._text("cron")}
                if not due["cron"]:
                    self._wrong("cron", NO_CRON)
        return Schedule(
            **due,
            on_start=on_start,
            timezone=zone,
            missed=next((one for one in Missed if one == self._text("missed")), Missed.ONCE),
            overlap=next((one for one in Overlap if one == self._text("overlap")), Overlap.SKIP),
            jitter=(self._span("jitter") or 0.0) if self._text("jitter") else 0.0,
            blackout=self._windows(),
        )

    def _text(self, name: str) -> str:
        return str(self._values.get(ABOUT + name, "")).strip()

    def _wrong(self, name: str, problem: str) -> None:
        self.problems[ABOUT + name] = problem

    def _cron_of_times(self) -> str:
        found = [CLOCK.match(part) for part in re.split(r"[\s,;]+", self._text("times")) if part]
        clocks = [clock for clock in found if clock is not None]
        if not clocks or len(clocks) < len(found) or len(clocks) > MOST_TIMES:
            self._wrong("times", NO_TIMES)
            return ""
        minutes = {int(clock[2]) for clock in clocks}
        if len(minutes) > 1:
            self._wrong("times", OTHER_MINUTES)
            return ""
        hours = ",".join(str(hour) for hour in sorted({int(clock[1]) for clock in clocks}))
        days = next((days for days, _ in DAYS if days == self._text("days")), DAYS[0][0])
        return f"{minutes.pop()} {hours} {days}"

    def _span(self, name: str) -> float | None:
        seconds = seconds_in(self._text(name))
        if seconds is None:
            self._wrong(name, NO_SPAN)
        return seconds

    def _moment(self, zone: str) -> datetime | None:
        try:
            moment = datetime.fromisoformat(re.sub(r"\s+", "T", self._text("at")))
            moment = moment if moment.tzinfo else moment.replace(tzinfo=zone_named(zone) or UTC)
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self._wrong("at", NO_MOMENT)
            return None

    def _windows(self) -> tuple[Window, ...]:
        lines = [line for line in self._text("blackout").splitlines() if line.strip()]
        windows = [window for line in lines if (window := window_in(line)) is not None]
        if len(windows) < len(lines):
            self._wrong("blackout", NO_WINDOW)
        return tuple(windows)


def facts_of_schedule(draft: JobDraft) -> Iterator[Fact]:
    """Yield what the fields mean."""
    if draft.schedule is not None:
        yield Fact(field=WHEN, good=True, text=f"Due {in_words(draft.schedule)}.")


def due_shown(schedule: Schedule, seen: Preview) -> DueShown:
    """Return the next due times as a form shows them."""
    zone = zone_named(schedule.timezone)
    never = not seen.due and not schedule.on_start
    past = ("That is in the past: it is never due again.",) if never else ()
    return DueShown(
        words=seen.words,
        times=tuple(f"{moment.astimezone(zone):%a %-d %b %Y, %H:%M:%S %Z}" for moment in seen.due),
        remarks=(*past, *seen.conditions, *seen.notes),
        zone=schedule.timezone or own_zone_name(),
    )


def due_fields(draft: JobDraft, typed: Mapping[str, str]) -> tuple[Field, ...]:
    """Return the fields that say when; `typed` is what stood in them when they were sent."""
    schedule = draft.schedule or Schedule()
    when, days, times = _kept_as(draft.schedule)
    fields = _Fields(typed)
    every = "" if schedule.every is None else exact(schedule.every)
    cron = schedule.cron if when == CRON else ""
    return (
        fields.choice("when", "It is due", CHOICES, when),
        fields.choice("days", "On which days", DAYS, days, TIMES),
        fields.text("times", "At", times, TIMES, placeholder="02:00", help="One time or several: 07:30, 19:30"),
        fields.text("every", "Every", every, EVERY, placeholder="15 min", help="Such as 15 min, 6 h or 2 days"),
        fields.text("at", "On", _local(schedule), ONCE, placeholder="2026-12-24 18:00"),
        fields.text("cron", "Cron", cron, CRON, placeholder="0 2 * * *",
                    help="Minute, hour, day, month, weekday; six fields begin with the seconds; @daily and the like"),
        fields.text("timezone", "Time zone", schedule.timezone, placeholder=own_zone_name(),
                    help=f"Such as Europe/Berlin. Empty is this machine's, {own_zone_name()}"),
        fields.toggle("on_start", "And each time Holdfast starts", "When the machine is back, say", value=schedule.on_start),
    )  # fmt: skip


def more_fields(draft: JobDraft, typed: Mapping[str, str]) -> tuple[Field, ...]:
    """Return the fields for due times that are missed, that meet another run, or fall in a window."""
    schedule = draft.schedule or Schedule()
    fields = _Fields(typed)
    windows = "\n".join(line_of(window) for window in schedule.blackout)
    jitter = exact(schedule.jitter) if schedule.jitter else ""
    return (
        fields.choice("missed", "Due times missed while Holdfast was off", MISSED, schedule.missed),
        fields.choice("overlap", "If the run before is not over yet", OVERLAP, schedule.overlap),
        fields.text("jitter", "Begin up to so much later", jitter, placeholder="0",
                    help="Drawn anew each time, so that many do not begin at once"),
        fields.text("blackout", "Nothing begins", windows, widget="patterns", wide=True,
                    help="One window a line, such as 22:00-06:00 or 08:00-18:00 mon-fri. What is due then waits for its end"),
    )  # fmt: skip


class _Fields:
    """Makes fields, filled with what was typed or with what the job is set to."""

    def __init__(self, typed: Mapping[str, str]) -> None:
        self._typed = typed

    def text(self, name: str, label: str, value: str, when: str = "", **about: Any) -> Field:  # noqa: ANN401
        return Field(
            id=_id(name),
            name=ABOUT + name,
            label=label,
            value=Exactly(self._typed.get(ABOUT + name, value)),
            shown_if=(WHEN, when) if when else None,
            **about,
        )

    def choice(
        self,
        name: str,
        label: str,
        choices: Sequence[tuple[str, str]],
        value: str,
        when: str = "",
    ) -> Field:
        return Field(
            id=_id(name),
            name=ABOUT + name,
            label=label,
            widget="choice",
            choices=tuple((str(one), words) for one, words in choices),
            value=self._typed.get(ABOUT + name, str(value)),
            shown_if=(WHEN, when) if when else None,
        )

    def toggle(self, name: str, label: str, said: str, *, value: bool) -> Field:
        return Field(
            id=_id(name),
            name=ABOUT + name,
            label=label,
            help=said,
            widget="toggle",
            value=self._typed[ABOUT + name] == "true" if ABOUT + name in self._typed else value,
            wide=True,
        )


def _id(name: str) -> str:
    return "schedule-" + name.replace("_", "-")


def _kept_as(schedule: Schedule | None) -> tuple[str, str, str]:
    """Return how a schedule is shown: which choice, which days, which times."""
    days = DAYS[0][0]
    if schedule is None:
        return "", days, ""
    if schedule.every is not None:
        return EVERY, days, ""
    if schedule.at is not None:
        return ONCE, days, ""
    if schedule.cron:
        simple = _as_times(schedule.cron)
        return (TIMES, *simple) if simple else (CRON, days, "")
    return START, days, ""


def _as_times(cron: str) -> tuple[str, str] | None:
    """Return days and times of a cron that is as simple as that; None for any other."""
    try:
        second, minute, hours, *rest = cron_of(cron).parts
    except CronSimError:
        return None
    days = " ".join(rest)
    known = days in {day for day, _ in DAYS}
    numbers = all(part.isdigit() for part in (minute, *hours.split(",")))
    if second != "0" or not known or not numbers or len(hours.split(",")) > MOST_TIMES:
        return None
    return days, ", ".join(f"{int(hour):02}:{int(minute):02}" for hour in hours.split(","))


def _local(schedule: Schedule) -> str:
    if schedule.at is None:
        return ""
    local = schedule.at.astimezone(zone_named(schedule.timezone))
    return f"{local:%Y-%m-%d %H:%M}" + (f":{local:%S}" if local.second else "")
