"""Lines of a crontab that run rsync, restic or rclone."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from core.imports import commands
from core.imports.commands import Setting
from core.imports.shell_words import NAME, assignment_in, commands_in, masked
from core.imports.values import Found, NotUnderstood, Remark
from core.models import Schedule
from core.schedules import problems as problems_of_schedule

FIELDS: Final = re.compile(r"(?P<when>@\w+|(?:[\d*/,A-Za-z-]+\s+){4}[\d*/,A-Za-z-]+)\s+(?P<rest>.+)\Z")
ASSIGNED: Final = re.compile(r"\s*[A-Za-z_][A-Za-z0-9_]*\s*=")
WHEN: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MOST_LINES: Final = 5_000
WITH_VALUE: Final[Mapping[str, frozenset[str]]] = {
    "nice": frozenset({"-n"}),
    "ionice": frozenset({"-c", "-n"}),
    "flock": frozenset({"-w", "-E"}),
    "timeout": frozenset({"-k", "-s"}),
    "chronic": frozenset(),
    "env": frozenset(),
    "nocache": frozenset(),
}
"""Programs that run another, and their options that have a value."""

BEFORE_IT: Final = {"flock": 1, "timeout": 1}
"""How many words of their own they have beside options."""


def read(text: str, files: Mapping[str, str]) -> Found:
    """Return what the lines would be."""
    found = Found()
    variables: dict[str, str] = {}
    for number, line in enumerate(text.splitlines()[:MOST_LINES], start=1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        place = f"line {number}"
        try:
            if ASSIGNED.match(bare):
                name, value = assignment_in(bare.replace(" = ", "=", 1)) or ("", "")
                variables[name] = value
            else:
                found += _of_line(bare, Setting(place, variables, files))
        except NotUnderstood as error:
            found += Found(left_out=(Remark(place=place, words=f"Left out: {error}."),))
    return found


def _of_line(line: str, setting: Setting) -> Found:
    match = FIELDS.match(line)
    if match is None:
        raise NotUnderstood("it has no time and command of a crontab")
    schedule, remark = schedule_in(match["when"], setting.place)
    command = match["rest"]
    if "%" in masked(command, re.compile(r"\\%")):
        raise NotUnderstood("it has a % in it, which is the end of the line to cron")
    command = command.replace("\\%", "%")
    found = Found(left_out=remark)
    variables = dict(setting.variables)
    parts = list(commands_in(command))
    if parts and not _program_in(parts[0]) and len(parts[0]) > 1 and _program_in(parts[0][1:]):
        parts[0] = parts[0][1:]  # the crontab of the system names a user first
    for words in parts:
        found += _of_command(words, Setting(setting.place, variables, setting.files), variables)
    if not found.jobs and not found.left_out:
        raise NotUnderstood("it runs none of rsync, restic and rclone")
    return replace(found, jobs=tuple(replace(job, schedule=schedule) for job in found.jobs))


def schedule_in(when: str, place: str) -> tuple[Schedule | None, tuple[Remark, ...]]:
    """Return when a line is due, and what is to be said of a time that is not understood."""
    if when == "@reboot":
        return Schedule(on_start=True), ()
    schedule = Schedule(cron=WHEN.get(when, " ".join(when.split())))
    if problems_of_schedule(schedule):
        words = "Its time is not understood; the job has none."
        return None, (Remark(place=place, words=words),)
    return schedule, ()


def _of_command(words: Sequence[str], setting: Setting, variables: dict[str, str]) -> Found:
    """Return what one command of a line is; a file of variables that it reads counts for those after it."""
    if words[0] in {".", "source"} and len(words) > 1:
        return _take_variables(words[1], setting, variables)
    inline, words = program_and_its(words)
    name = words[0].rpartition("/")[2] if words else ""
    program = commands.PROGRAMS.get(name)
    if program is None:
        remark = Remark(place=setting.place, words=f"Left out: {name[:40] or 'a command'} is not taken over.")
        return Found(left_out=(remark,))
    try:
        return program(words[1:], setting._replace(variables={**setting.variables, **inline}))
    except NotUnderstood as error:
        return Found(left_out=(Remark(place=setting.place, words=f"{name}: left out, {error}."),))


def _take_variables(path: str, setting: Setting, variables: dict[str, str]) -> Found:
    if path not in setting.files:
        remark = Remark(place=setting.place, words=f"The file {path[:200]} is named and was not given along.")
        return Found(left_out=(remark,), files=(path,))
    for line in setting.files[path].splitlines():
        pair = assignment_in(line)
        if pair is not None:
            variables[pair[0]] = pair[1]
    return Found()


def _program_in(words: Sequence[str]) -> bool:
    rest = program_and_its(words)[1]
    return bool(rest) and (rest[0].rpartition("/")[2] in commands.PROGRAMS or rest[0] in {".", "source"})


def program_and_its(words: Sequence[str]) -> tuple[dict[str, str], Sequence[str]]:
    """Return the variables that are set for a command, and the command without what only runs it."""
    variables: dict[str, str] = {}
    words = list(words)
    while words:
        name, equals, value = words[0].partition("=")
        runner = name.rpartition("/")[2]
        if equals and NAME.match(name):
            variables[name] = value
            words = words[1:]
        elif not equals and runner in WITH_VALUE:
            words = _after_runner(runner, words[1:])
        else:
            break
    return variables, words


def _after_runner(runner: str, words: list[str]) -> list[str]:
    while words and words[0].startswith("-"):
        words = words[2 if words[0] in WITH_VALUE[runner] else 1 :]
    return words[BEFORE_IT.get(runner, 0) :]
