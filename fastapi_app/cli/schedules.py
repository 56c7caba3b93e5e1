"""`holdfast schedule`, and the options of `job create` and `job edit` that say when a job is due."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from msgspec.structs import replace

from core.clock import SystemClock
from core.drafts import problems_of_schedule
from core.errors import InvalidOptions
from core.models import Job, Missed, Overlap, Schedule, Window
from core.schedules import zone_named
from core.spans import seconds_in
from core.timetable import Scheduled, preview
from fastapi_app.cli.house import the_house
from fastapi_app.cli.terminal import AsJson, Data, say, say_json, say_table, shown
from fastapi_app.presenters.windows import window_in

SPAN: Final = "A span, such as 30s, 5min, 1h30min or 2days"
NONE: Final = "none"

Cron = Annotated[
    str | None,
    typer.Option(
        "--cron", help='When it is due: "0 2 * * *", six fields begin with the seconds; @daily and the like.'
    ),
]
Every = Annotated[str | None, typer.Option("--every", help=f"Due every so often. {SPAN}.")]
At = Annotated[str | None, typer.Option("--at", help="Due once, then: 2026-12-24T18:00, in its time zone.")]
OnStart = Annotated[
    bool | None, typer.Option("--on-start/--not-on-start", help="Due each time Holdfast starts.")
]
TimeZone = Annotated[
    str | None, typer.Option("--timezone", help="Such as Europe/Berlin; without it, this machine's.")
]
TheMissed = Annotated[
    Missed | None, typer.Option("--missed", help="Due times that passed while Holdfast was off.")
]
TheOverlap = Annotated[
    Overlap | None, typer.Option("--overlap", help="A due time while the run before it is not over.")
]
Spread = Annotated[
    str | None, typer.Option("--spread", help=f"Begin up to so much later, drawn anew each time. {SPAN}.")
]
Blackout = Annotated[
    list[str] | None,
    typer.Option("--blackout", help='Nothing begins then: "22:00-06:00 mon-fri"; can be given often.'),
]

app = typer.Typer(
    help="Schedules: when jobs are due, and what a schedule would come to.", no_args_is_help=True
)


def schedule_in(known: Schedule | None, given: Mapping[str, Any]) -> Schedule | None:
    """Return the schedule that the options say, on top of what is known; None where they say nothing."""
    said = {name: value for name, value in given.items() if value is not None}
    if not said:
        return None
    changes: dict[str, Any] = {
        name: said[name] for name in ("cron", "on_start", "timezone", "missed", "overlap") if name in said
    }
    for option, name in (("every", "every"), ("spread", "jitter")):
        if option in said:
            changes[name] = _span(option, said[option])
    if "blackout" in said:
        changes["blackout"] = _windows(said["blackout"])
    if "at" in said:
        changes["at"] = _moment(said["at"], changes.get("timezone", known.timezone if known else ""))
    if changes.keys() & {"cron", "every", "at"}:
        changes = {"cron": "", "every": None, "at": None} | changes
    return replace(known or Schedule(), **changes)


def scheduled(job: Job | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schedule as a field of a draft; nothing where the options do not say one."""
    schedule = schedule_in(job.schedule if job else None, given)
    return {} if schedule is None else {"schedule": schedule}


def _span(option: str, text: str) -> float:
    seconds = seconds_in(text)
    if seconds is None:
        raise InvalidOptions({f"schedule.{option}": f"--{option} {text!r} is no span of time. {SPAN}."})
    return seconds


def _windows(lines: Sequence[str]) -> tuple[Window, ...]:
    if [line.strip().lower() for line in lines] == [NONE]:
        return ()
    windows = []
    for line in lines:
        if (window := window_in(line)) is None:
            problem = f'{line!r} is no window; write it like "22:00-06:00" or "08:00-18:00 mon-fri".'
            raise InvalidOptions({"schedule.blackout": problem})
        windows.append(window)
    return tuple(windows)


def _moment(text: str, zone: str) -> datetime:
    """Return the time that was written; without an offset it is of that zone."""
    try:
        moment = datetime.fromisoformat(re.sub(r"\s+", "T", text.strip()))
    except ValueError as error:
        problem = f"--at {text!r} is no time; write it like 2026-12-24T18:00."
        raise InvalidOptions({"schedule.at": problem}) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone_named(zone) or UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidOptions({"schedule.at": f"--at {text!r} is too far away."}) from error


@app.command("list")
def list_(data: Data = None, as_json: AsJson = False) -> None:
    """List the jobs that have a schedule, the next due first."""
    with the_house(data) as house:
        found = house.schedules()
    if as_json:
        say_json(found)
    elif found:
        say_table(("next due", "job", "schedule", "left out"), [_row(one) for one in found])
    else:
        say("No job has a schedule. Give one its own with `holdfast job edit JOB --cron` or `--every`.")


def _row(one: Scheduled) -> tuple[str, ...]:
    return _when(one), one.job, one.words, f"{one.left_out:,}" if one.left_out else ""


def _when(one: Scheduled) -> str:
    if not one.enabled:
        return "switched off"
    return f"{one.next_at.astimezone():%Y-%m-%d %H:%M:%S %Z}" if one.next_at else "never again"


@app.command("preview")
def show(  # one for each word of a schedule
    *,
    cron: Cron = None,
    every: Every = None,
    at: At = None,
    on_start: OnStart = None,
    timezone: TimeZone = None,
    spread: Spread = None,
    blackout: Blackout = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1_000, help="How many due times.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Say in words what a schedule comes to, and when it would be due; nothing is changed."""
    given = {
        "cron": cron,
        "every": every,
        "at": at,
        "on_start": on_start,
        "timezone": timezone,
        "spread": spread,
        "blackout": blackout,
    }
    schedule = schedule_in(None, given) or Schedule()
    if found := problems_of_schedule(schedule):
        raise InvalidOptions(found)
    seen = preview(schedule, SystemClock().now(), most=count)
    if as_json:
        say_json(seen)
        return
    say(f"Due {shown(seen.words)}.")
    for sentence in (*seen.conditions, *seen.notes):
        say(sentence)
    zone = zone_named(schedule.timezone)
    for moment in seen.due:
        say(f"  {moment.astimezone(zone):%a %Y-%m-%d %H:%M:%S %Z}")
    if not seen.due and not schedule.on_start:
        say("  That is in the past: it is never due again.")
