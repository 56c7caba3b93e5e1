"""`holdfast job edit`: change a job, unless somebody else changed it first."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from core.drafts import JobPatch
from core.errors import InvalidOptions
from core.models import OnInterrupt, Priority, frozen
from fastapi_app.cli import schedules, terms
from fastapi_app.cli.create import option_of
from fastapi_app.cli.finding import Which, find_job
from fastapi_app.cli.house import the_house
from fastapi_app.cli.terminal import AsJson, Data, say, say_json, shown


def edit(
    which: Which,
    *,
    name: Annotated[str | None, typer.Option(help="What to call it from now on.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option", "-o", help="name=value, once for each option to change; name=null is its default."
        ),
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Its tags from now on; can be given often.")] = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Take every tag away.")] = False,
    priority: Annotated[Priority | None, typer.Option(help="Which queued run goes first.")] = None,
    on_interrupt: Annotated[
        OnInterrupt | None, typer.Option(help="What becomes of a run whose worker was lost.")
    ] = None,
    enabled: Annotated[
        bool | None, typer.Option("--enabled/--disabled", help="Whether it can be started.")
    ] = None,
    cron: schedules.Cron = None,
    every: schedules.Every = None,
    at: schedules.At = None,
    on_start: schedules.OnStart = None,
    timezone: schedules.TimeZone = None,
    missed: schedules.TheMissed = None,
    overlap: schedules.TheOverlap = None,
    spread: schedules.Spread = None,
    blackout: schedules.Blackout = None,
    no_schedule: Annotated[bool, typer.Option("--no-schedule", help="Let it be due no more.")] = False,
    after: terms.After = None,
    no_after: Annotated[bool, typer.Option("--no-after", help="Let it come after nothing.")] = False,
    after_when: terms.When = None,
    after_failed: terms.IfFailed = None,
    retries: terms.Retries = None,
    backoff: terms.TheBackoff = None,
    wait: terms.Wait = None,
    longest_wait: terms.LongestWait = None,
    jitter: terms.Jitter = None,
    timeout: terms.Timeout = None,
    run_timeout: terms.RunTimeout = None,
    group: terms.Groups = None,
    no_groups: Annotated[bool, typer.Option("--no-groups", help="Take it out of every group.")] = False,
    expect_every: terms.Expect = None,
    grace: terms.Grace = None,
    ping: terms.Ping = None,
    version: Annotated[
        int | None,
        typer.Option(help="Only if it is at this version still.", min=1, show_default="the present one"),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Change a job; what is not named stays as it is. A run under way goes on as it began."""
    given = {
        "name": name,
        "tags": () if no_tags else tuple(tag) if tag else None,
        "priority": priority,
        "on_interrupt": on_interrupt,
        "enabled": enabled,
    }
    agreed = {
        "after_when": after_when,
        "after_failed": after_failed,
        "retries": retries,
        "backoff": backoff,
        "wait": wait,
        "longest_wait": longest_wait,
        "jitter": jitter,
        "timeout": timeout,
        "run_timeout": run_timeout,
        "groups": [] if no_groups else group,
        "expect_every": expect_every,
        "grace": grace,
        "ping": ping,
    }
    due = {
        "cron": cron,
        "every": every,
        "at": at,
        "on_start": on_start,
        "timezone": timezone,
        "missed": missed,
        "overlap": overlap,
        "spread": spread,
        "blackout": blackout,
    }
    changes: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
    asked = changes or option or after or no_after or no_schedule
    asked = asked or any(value is not None for value in (*agreed.values(), *due.values()))
    if not asked:
        raise InvalidOptions({"change": "Say what to change: --name, --option, --tag and the like."})
    with the_house(data) as house:
        job = find_job(house, which).job
        changes |= terms.terms_in(job, agreed) | schedules.scheduled(job, due)
        changes |= {"schedule": None} if no_schedule else {}
        changes |= {"after": ()} if no_after else terms.parents_in(house, after)
        if option:
            changes["options"] = frozen(_merged(job.options, dict(map(option_of, option))))
        edited = house.edit(job.id, JobPatch(**changes), version=version or job.version)
    if as_json:
        say_json(edited)
    elif edited.version == job.version:
        say(f"{shown(job.name)} is like that already, at version {job.version}.")
    else:
        say(f"Changed {shown(edited.name)}; it is at version {edited.version}.")


def _merged(options: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with those that are given; null takes one away, so that its default counts."""
    return {
        name: value for name, value in {**options, **given}.items() if value is not None or name not in given
    }
