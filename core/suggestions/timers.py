"""Timers of systemd that somebody of this machine made: their unit files, read and never asked for."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from core.imports.shell_words import LONGEST_LINE
from core.models import Schedule
from core.suggestions.lines import Line
from core.suggestions.machine import Machine, files_in, text_of
from core.suggestions.values import Suggestion, counted

SYSTEM: Final = "etc/systemd/system"
OF_PEOPLE: Final = "etc/systemd/user"
OF_THE_PERSON: Final = ".config/systemd/user"
SECTION: Final = re.compile(r"\[(?P<name>[A-Za-z]+)\]\s*\Z")
PAIR: Final = re.compile(r"(?P<name>[A-Za-z]+)\s*=\s*(?P<value>.*)\Z", re.DOTALL)
UNIT: Final = re.compile(r"[A-Za-z0-9:_.@\\-]{1,200}\.(?:service|timer)")
WORDS: Final = {
    "minutely": "* * * * *",
    "hourly": "0 * * * *",
    "daily": "0 0 * * *",
    "weekly": "0 0 * * 1",
    "monthly": "0 0 1 * *",
    "yearly": "0 0 1 1 *",
    "annually": "0 0 1 1 *",
}
CALENDAR: Final = re.compile(
    r"(?:(?P<days>[A-Z][a-z]{2}[A-Za-z,.]*)\s+)?(?:\*-\*-(?P<day>\*|\d{1,2})\s+)?(?P<hour>\*|\d{1,2}):(?P<minute>\d{2})(?::00)?\Z"
)
DAYS: Final = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)(?:(?:,|\.\.)(?:mon|tue|wed|thu|fri|sat|sun))*")
SPAN: Final = re.compile(
    r"(?P<number>\d{1,6})\s*(?P<unit>s|sec|min|m|h|hr|hour|hours|d|day|days|w|week|weeks)?\Z"
)
SECONDS: Final = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hr": 3600, "hour": 3600, "hours": 3600}
SECONDS_LONG: Final = {
    "d": 86_400,
    "day": 86_400,
    "days": 86_400,
    "w": 604_800,
    "week": 604_800,
    "weeks": 604_800,
}
PREFIXES: Final = "@-:+!|"
"""What may stand before a command in a unit (systemd.service(5), COMMAND LINES)."""

Sections = dict[str, dict[str, list[str]]]


def look(machine: Machine, places: list[tuple[str, str]]) -> Iterator[Suggestion]:
    """Give what is worth a job; each folder that was read is added to `places`."""
    for folder, name in (
        (machine.root / SYSTEM, f"/{SYSTEM}"),
        (machine.root / OF_PEOPLE, f"/{OF_PEOPLE}"),
        (machine.home / OF_THE_PERSON, f"~/{OF_THE_PERSON}"),
    ):
        timers = [
            path for path in files_in(folder) if path.name.endswith(".timer") and UNIT.fullmatch(path.name)
        ]
        if not timers:
            continue
        found = [line.suggestion() for path in timers for line in _lines(path, name) if line.is_worth_a_look]
        places.append(
            (name, counted(len(found), "timer", "timers") if found else "no timer that copies or keeps")
        )
        yield from found


def _lines(path: Path, folder: str) -> Iterator[Line]:
    timer = _sections(text_of(path) or "").get("Timer", {})
    service = (timer.get("Unit") or [path.name.removesuffix(".timer") + ".service"])[-1]
    if not timer or not UNIT.fullmatch(service):
        return
    told = _sections(text_of(path.parent / service) or "").get("Service", {})
    schedule = _schedule(timer)
    off = "systemctl disable" if folder == f"/{SYSTEM}" else "systemctl --user disable"
    remarks = [f"The timer stays. Once you trust the job: {off} --now {path.name}"]
    if schedule is None:
        times = ", ".join(
            value for name in ("OnCalendar", "OnUnitActiveSec") for value in timer.get(name, ())
        )
        remarks.append(f"Its times are to be set by hand: {times[:200] or 'it says none'}.")
    if user := told.get("User"):
        remarks.append(f"There it runs as {user[-1][:40]}; here it runs as Holdfast does.")
    if "Environment" in told or "EnvironmentFile" in told:
        remarks.append("It has variables of its own there; give the job those that it needs.")
    for command in told.get("ExecStart", ())[-1:]:
        bare = command.lstrip(PREFIXES).strip()
        if len(bare) > LONGEST_LINE:
            continue
        has_specifiers = "%" in bare.replace("%%", "")
        yield Line(
            "timer",
            f"{folder}/{path.name}",
            bare.replace("%%", "%"),
            schedule=schedule,
            variables={},
            remarks=remarks,
            unclear="it has a % in it, which only systemd could resolve" if has_specifiers else "",
        )


def _sections(text: str) -> Sections:
    """Return what a unit says; a value that is empty takes back those before it, as systemd reads it."""
    found: Sections = {}
    section: dict[str, list[str]] = {}
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        bare = line.strip()
        if not bare or bare[0] in "#;":
            continue
        if head := SECTION.match(bare):
            section = found.setdefault(head["name"], {})
        elif pair := PAIR.match(bare):
            values = section.setdefault(pair["name"], [])
            values.append(pair["value"]) if pair["value"] else values.clear()
    return found


def _schedule(timer: dict[str, list[str]]) -> Schedule | None:
    """Return when it is due; None where that is not one simple time."""
    calendar, spans = timer.get("OnCalendar", []), timer.get("OnUnitActiveSec", [])
    if len(calendar) == 1 and not spans:
        cron = cron_of(calendar[0])
        return Schedule(cron=cron) if cron else None
    if len(spans) == 1 and not calendar and (match := SPAN.match(spans[0].strip())):
        return Schedule(every=float(int(match["number"]) * {**SECONDS, **SECONDS_LONG}[match["unit"] or "s"]))
    return None


def cron_of(calendar: str) -> str:
    """Return the cron that a time of systemd is; empty for one that is more than a time of some days."""
    text = calendar.strip()
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    match = CALENDAR.match(text)
    if match is None:
        return ""
    days = (match["days"] or "*").lower().rstrip(",")
    if days != "*" and not DAYS.fullmatch(days):
        return ""
    hour = match["hour"] if match["hour"] == "*" else str(int(match["hour"]))
    day = match["day"] or "*"
    day = day if day == "*" else str(int(day))
    return f"{int(match['minute'])} {hour} {day} * {days.replace('..', '-')}"
