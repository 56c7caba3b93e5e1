"""Lines of crontabs: one's own, and those of the system."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from core.imports.crontab import ASSIGNED, FIELDS, schedule_in
from core.imports.shell_words import LONGEST_LINE, assignment_in
from core.imports.values import NotUnderstood
from core.suggestions.lines import Line
from core.suggestions.machine import Machine, files_in, text_of
from core.suggestions.values import Suggestion, counted

OWN: Final = "your crontab"
SYSTEM: Final = "etc/crontab"
MORE: Final = "etc/cron.d"
WITH_USER: Final = re.compile(r"(?P<user>[a-z_][a-z0-9_.-]{0,31}\$?)\s+(?P<command>\S.*)\Z", re.DOTALL)
PERCENT: Final = re.compile(r"(?<!\\)%")
LEAVES: Final = "The line stays in {place}. Take it out there once you trust the job."


def look(machine: Machine, places: list[tuple[str, str]]) -> Iterator[Suggestion]:
    """Give what is worth a job; each crontab that was read is added to `places`."""
    yield from _told(OWN, machine.crontab(), places, with_user=False)
    system = machine.root / SYSTEM
    for path in (system, *files_in(machine.root / MORE)):
        name = f"/{path.relative_to(machine.root)}"
        text = text_of(path) if _is_read_by_cron(path) or path == system else None
        if text is not None:
            yield from _told(name, text, places, with_user=True)


def _is_read_by_cron(path: Path) -> bool:
    """Tell whether cron reads a file of this name: it passes over what editors and packages leave (cron(8))."""
    return re.fullmatch(r"[A-Za-z0-9_-]+", path.name) is not None


def _told(place: str, text: str, places: list[tuple[str, str]], *, with_user: bool) -> Iterator[Suggestion]:
    found = [line.suggestion() for line in _lines(place, text, with_user=with_user) if line.is_worth_a_look]
    places.append((place, counted(len(found), "line", "lines") if found else "nothing to copy or keep"))
    yield from found


def _lines(place: str, text: str, *, with_user: bool) -> Iterator[Line]:
    variables: dict[str, str] = {}
    before: list[str] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#") or len(line) > LONGEST_LINE:
            continue
        if ASSIGNED.match(line):
            before.append(line)
            _note(line, variables)
        elif (match := FIELDS.match(line)) is not None:
            found = _line_of(f"{place}, line {number}", match, variables, before, with_user=with_user)
            if found is not None:
                yield found


def _note(line: str, variables: dict[str, str]) -> None:
    try:
        name, value = assignment_in(re.sub(r"\s*=\s*", "=", line, count=1)) or ("", "")
    except NotUnderstood:
        return
    variables[name] = value


def _line_of(
    place: str, match: re.Match[str], variables: dict[str, str], before: list[str], *, with_user: bool
) -> Line | None:
    command, remarks = match["rest"], [LEAVES.format(place=place.rpartition(", ")[0])]
    if with_user:
        split = WITH_USER.match(command)
        if split is None:
            return None
        command = split["command"]
        remarks.append(f"There it runs as {split['user']}; here it runs as Holdfast does.")
    if PERCENT.search(command):
        command = PERCENT.split(command)[0]
        remarks.append("What follows its first % is the input of the command; that is not taken over.")
    command = command.replace("\\%", "%").strip()
    schedule, odd = schedule_in(match["when"], place)
    importable = "\n".join((*before, f"{match['when']} {command}"))
    return Line(
        "crontab",
        place,
        command,
        schedule=schedule,
        variables=dict(variables),
        remarks=(*remarks, *(remark.words for remark in odd)),
        importable=importable,
    )
