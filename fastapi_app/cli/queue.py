"""`holdfast queue`: what waits and why, and what is held back, from the command line."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from core.errors import InvalidOptions
from core.models import Priority
from core.queueing import Scope
from core.spans import seconds_in, span
from fastapi_app.cli.finding import find_job
from fastapi_app.cli.house import House, the_house
from fastapi_app.cli.terminal import AsJson, Data, say, say_json, say_table, shown

app = typer.Typer(help="The queue: what waits and why; pause it, limit it.", no_args_is_help=True)

Kind = Annotated[str, typer.Option("--kind", help="Only this kind.")]
Job = Annotated[str, typer.Option("--job", help="Only this job: its name or id.")]
Group = Annotated[str, typer.Option("--group", help="Only this group.")]
NO_LIMIT = "none"


@app.command("show")
def show(data: Data = None, as_json: AsJson = False) -> None:
    """Show what is at work, what waits and why, and what is held back."""
    with the_house(data) as house:
        queue = house.queue()
    if as_json:
        say_json(queue)
        return
    _tell(queue)


@app.command("workers")
def workers(data: Data = None, as_json: AsJson = False) -> None:
    """Show who carries runs out, and how busy each is."""
    with the_house(data) as house:
        found = house.workers()
    if as_json:
        say_json(found)
    elif not found["items"]:
        say("Nobody carries runs out: Holdfast is not running here.")
    else:
        say_table(
            ("Worker", "busy", "slots", "since", "version"), [_worker_row(one) for one in found["items"]]
        )


def _worker_row(one: Mapping[str, Any]) -> tuple[str, ...]:
    stopping = "" if one["working"] else " (stopping)"
    return one["name"] + stopping, str(one["busy"]), str(one["slots"]), one["since"], one["version"]


def _tell(queue: Mapping[str, Any]) -> None:
    if queue["paused"]:
        say(f"The queue is paused{_pause(queue['paused'])}.")
    say(f"{queue['busy']} of {queue['slots']} slots busy, {queue['in_line']} in line.")
    _table("At work", queue["at_work"])
    _table("In line", queue["line"])
    _table("Waiting for something else", queue["others"])
    held = [*_shared_rows(queue["shared"]), *_job_rows(queue["paused_jobs"])]
    if held:
        say("")
        say_table(("Kinds and groups", "", "at work", "at most", "paused"), held)


def _table(title: str, guests: Sequence[Mapping[str, Any]]) -> None:
    if guests:
        say("")
        say_table((title, "run", "why"), [_row(guest) for guest in guests])


def _row(guest: Mapping[str, Any]) -> tuple[str, ...]:
    left = guest["seconds_left"]
    why = guest["waiting"]["words"] if guest["waiting"] else ""
    return guest["job"], guest["run_id"], why or (f"about {span(left)} more" if left is not None else "")


def _shared_rows(shared: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (
            one["scope"],
            one["name"],
            str(one["busy"]),
            str(one["most"] or ""),
            f"yes{_pause(one['paused'])}" if one["paused"] else "",
        )
        for one in shared
    ]


def _job_rows(jobs: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return [("job", one["job"], "", "", f"yes{_pause(one['paused'])}") for one in jobs]


def _pause(pause: Mapping[str, Any]) -> str:
    by = f" by {pause['by']}" if pause["by"] else ""
    until = f" until {pause['until']}" if pause["until"] else ""
    return f"{by}{until}" + (f": {pause['reason']}" if pause["reason"] else "")


@app.command("pause")
def pause(
    *,
    kind: Kind = "",
    job: Job = "",
    group: Group = "",
    reason: Annotated[str, typer.Option(help="Why, for whoever asks.")] = "",
    for_: Annotated[str, typer.Option("--for", help="For how long, such as `2 h`.")] = "",
    until: Annotated[
        str, typer.Option(help="Until when, such as 2026-11-22T06:00; without a zone, this machine's.")
    ] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let nothing new begin, of all or of a kind, a job or a group; what is at work goes on."""
    end = _end(for_, until)
    with the_house(data) as house:
        scope, name = _meant(house, kind, job, group)
        body = {"reason": reason, "until": end.isoformat() if end else None}
        queue = house.tell_queue("pause", {"scope": scope.value, "name": name, **body})
    _answer(queue, "Paused.", as_json=as_json)


@app.command("resume")
def resume(
    *, kind: Kind = "", job: Job = "", group: Group = "", data: Data = None, as_json: AsJson = False
) -> None:
    """Let what was paused begin again."""
    with the_house(data) as house:
        scope, name = _meant(house, kind, job, group)
        queue = house.tell_queue("resume", {"scope": scope.value, "name": name})
    _answer(queue, "Resumed.", as_json=as_json)


@app.command("limit")
def limit(
    most: Annotated[str, typer.Argument(help=f"How many runs at once, or `{NO_LIMIT}`.", show_default=False)],
    *,
    kind: Kind = "",
    group: Group = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let at most so many runs be at work at once, of all or of a kind or a group."""
    if most != NO_LIMIT and not (most.isascii() and most.isdecimal() and len(most) < 6):  # noqa: PLR2004
        raise InvalidOptions({"most": f"This must be a whole number, or `{NO_LIMIT}`."})
    with the_house(data) as house:
        scope, name = _meant(house, kind, "", group)
        body = {"scope": scope.value, "name": name, "most": None if most == NO_LIMIT else int(most)}
        queue = house.tell_queue("limits", body)
    _answer(queue, "Limit taken away." if most == NO_LIMIT else f"At most {most} at once.", as_json=as_json)


@app.command("priority")
def priority(
    run_id: Annotated[str, typer.Argument(help="The run's id.", show_default=False)],
    wanted: Annotated[Priority, typer.Argument(help="Which goes first.", show_default=False)],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Give a run that waits another priority."""
    with the_house(data) as house:
        run = house.prioritise(run_id, wanted)
    say_json(run) if as_json else say(f"Run {run.number} is {run.priority} now.")


def _meant(house: House, kind: str, job: str, group: str) -> tuple[Scope, str]:
    """Return what is meant; raises InvalidOptions for more than one thing."""
    named = [(Scope.KIND, kind), (Scope.JOB, job), (Scope.GROUP, group)]
    given = [(scope, name) for scope, name in named if name]
    if len(given) > 1:
        raise InvalidOptions({"queue": "Name one of --kind, --job and --group, or none for the whole queue."})
    scope, name = given[0] if given else (Scope.QUEUE, "")
    return scope, find_job(house, name).job.id if scope is Scope.JOB else name


def _end(for_: str, until: str) -> datetime | None:
    if for_ and until:
        raise InvalidOptions({"until": "Say --for or --until, not both."})
    if for_:
        seconds = seconds_in(for_)
        if not seconds:
            raise InvalidOptions({"for": f"{for_!r} is no span; write it as `2 h` or `30 min`."})
        return datetime.now(UTC) + timedelta(seconds=min(seconds, 3.0e9))
    if not until:
        return None
    try:
        return datetime.fromisoformat(until).astimezone()
    except (ValueError, OverflowError):
        raise InvalidOptions({"until": f"{until!r} is no moment; write it as 2026-11-22T06:00."}) from None


def _answer(queue: Mapping[str, Any], words: str, *, as_json: bool) -> None:
    say_json(queue) if as_json else say(shown(words))
