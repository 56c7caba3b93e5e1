"""`holdfast job create`: make a job."""

from typing import Annotated

import orjson
import typer

from core.drafts import JobDraft
from core.errors import InvalidOptions
from core.models import Priority
from fastapi_app.cli import schedules, terms
from fastapi_app.cli.house import the_house
from fastapi_app.cli.terminal import AsJson, Data, Key, say, say_json, shown


def create(
    name: Annotated[str, typer.Argument(help="What to call it.", show_default=False)],
    command: Annotated[
        list[str] | None,
        typer.Argument(
            help="A program and its arguments, after `--`, for a job of kind command.", show_default=False
        ),
    ] = None,
    *,
    kind: Annotated[
        str | None,
        typer.Option(help="One of `holdfast kinds`.", show_default="copy, or command with a program"),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help="name=value, once for each option; JSON values are read."),
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag; can be given often.")] = None,
    priority: Annotated[Priority, typer.Option(help="Which queued run goes first.")] = Priority.NORMAL,
    cron: schedules.Cron = None,
    every: schedules.Every = None,
    at: schedules.At = None,
    on_start: schedules.OnStart = None,
    timezone: schedules.TimeZone = None,
    missed: schedules.TheMissed = None,
    overlap: schedules.TheOverlap = None,
    spread: schedules.Spread = None,
    blackout: schedules.Blackout = None,
    after: terms.After = None,
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
    expect_every: terms.Expect = None,
    grace: terms.Grace = None,
    ping: terms.Ping = None,
    key: Key = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a job; it starts when you say so, when it is due, and after the jobs that it comes after."""
    given = {
        "after_when": after_when,
        "after_failed": after_failed,
        "retries": retries,
        "backoff": backoff,
        "wait": wait,
        "longest_wait": longest_wait,
        "jitter": jitter,
        "timeout": timeout,
        "run_timeout": run_timeout,
        "groups": group,
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
    agreed = terms.terms_in(None, given) | schedules.scheduled(None, due)
    kind = kind or ("command" if command else "copy")
    options = dict(map(option_of, option or ())) | ({"argv": command} if command else {})
    with the_house(data) as house:
        agreed |= terms.parents_in(house, after)
        draft = JobDraft(
            name=name, kind=kind, options=options, tags=tuple(tag or ()), priority=priority, **agreed
        )
        job = house.create(draft, key=key)
    say_json(job) if as_json else say(f"Made {shown(job.name)}, {job.id}.")


def option_of(text: str) -> tuple[str, object]:
    """Return name and value of an option as it is typed: "name=value"."""
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidOptions({"options": f"{text!r} is not of the form name=value."})
    try:
        return name, orjson.loads(value)
    except orjson.JSONDecodeError:
        return name, value
