"""Repositories and plans of Backrest, from its config.json."""

import json
from collections.abc import Mapping
from typing import Any, Final

from core.imports import restic_files
from core.imports.commands import patterns_of_restic
from core.imports.values import Found, PlannedJob, Remark
from core.models import Schedule
from core.schedules import problems as problems_of_schedule

DAY: Final = 86_400.0
HOUR: Final = 3_600.0
TAKEN: Final = frozenset({"id", "uri", "password", "env", "guid", "repo", "paths", "excludes", "schedule"})


def read(text: str, files: Mapping[str, str]) -> Found:
    """Return what the repositories and plans would be."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        return Found(left_out=(Remark(place="the file", words="This is no config.json of Backrest."),))
    found = Found()
    refs: dict[str, str] = {}
    for number, repo in enumerate(_objects(config.get("repos"))):
        one = _of_repo(repo, f"repos[{number}]", files)
        found += one
        if one.destinations:
            refs[_text(repo, "id")] = one.destinations[0].ref
    for number, plan in enumerate(_objects(config.get("plans"))):
        found += _of_plan(plan, f"plans[{number}]", refs)
    return found


def _of_repo(repo: Mapping[str, Any], place: str, files: Mapping[str, str]) -> Found:
    variables = {"RESTIC_REPOSITORY": _text(repo, "uri"), "RESTIC_PASSWORD": _text(repo, "password")}
    for pair in _texts(repo.get("env")):
        name, _, value = pair.partition("=")
        variables[name.strip()] = value
    found = restic_files.destination_in(variables, files, place=place)
    return found + Found(left_out=_not_taken(repo, place))


def _of_plan(plan: Mapping[str, Any], place: str, refs: Mapping[str, str]) -> Found:
    ref = refs.get(_text(plan, "repo"), "")
    paths = [path for path in _texts(plan.get("paths")) if path.startswith("/")]
    if not ref or not paths:
        words = "Left out: its repository was not understood, or it has no folder."
        return Found(left_out=(Remark(place=place, words=words),))
    schedule = _schedule(plan.get("schedule"))
    name = _text(plan, "id") or "plan"
    jobs = tuple(
        PlannedJob(
            place=place,
            name=(name if len(paths) == 1 else f"{name}: {path}")[:200],
            kind="restic",
            options={
                "source": path.rstrip("/") or "/",
                "exclude": patterns_of_restic(_texts(plan.get("excludes")), path),
            },
            schedule=schedule,
            ref=ref,
        )
        for path in paths
    )
    words = f"{len(jobs)} job{'s' if len(jobs) != 1 else ''} of kind restic, one for each folder."
    left_out = list(_not_taken(plan, place))
    if schedule is None:
        left_out.append(Remark(place=place, words="It has no time that is understood; the jobs have none."))
    return Found(jobs=jobs, understood=(Remark(place=place, words=words),), left_out=tuple(left_out))


def _schedule(value: object) -> Schedule | None:
    if not isinstance(value, dict) or value.get("disabled"):
        return None
    cron = value.get("cron")
    if isinstance(cron, str):
        zone = "UTC" if value.get("clock") == "CLOCK_UTC" else ""
        schedule = Schedule(cron=cron, timezone=zone)
        return None if problems_of_schedule(schedule) else schedule
    for field, seconds in (("maxFrequencyDays", DAY), ("maxFrequencyHours", HOUR)):
        number = value.get(field)
        if isinstance(number, int) and 0 < number < 10_000:  # noqa: PLR2004 - whatever is sane
            return Schedule(every=number * seconds)
    return None


def _not_taken(value: Mapping[str, Any], place: str) -> tuple[Remark, ...]:
    names = [str(name)[:40] for name, content in value.items() if name not in TAKEN and content]
    return (Remark(place=place, words=f"Not taken over: {', '.join(names[:20])}."),) if names else ()


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value[:500] if isinstance(each, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [each for each in value[:1000] if isinstance(each, str)] if isinstance(value, list) else []


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""
