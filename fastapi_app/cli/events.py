"""`holdfast events` and `holdfast audit`: what happened, and who asked for what."""

import sys
from datetime import datetime
from typing import Annotated

import typer

from core.audit import Audit, Flaw
from core.clock import SystemClock
from core.errors import InvalidOptions, NotFound
from core.event_log import MOST_AT_ONCE, EventLog, EventQuery, as_csv, as_json, as_text
from core.happenings import Happening
from fastapi_app.cli.house import settings_for
from fastapi_app.cli.terminal import AsJson, Data, say, say_json, say_table, shown
from fastapi_app.presenters import times

app = typer.Typer(
    help="Who asked for what: show it, and verify that nobody changed it.", no_args_is_help=True
)

Limit = Annotated[int, typer.Option(min=1, max=MOST_AT_ONCE, help="How many, the newest.")]


def events(  # each option is one fact about the question
    *,
    job: Annotated[str, typer.Option(help="Of this job alone, by name or id.")] = "",
    state: Annotated[str, typer.Option(help="Of runs that came into this state.")] = "",
    person: Annotated[str, typer.Option(help="What this person asked for.")] = "",
    kind: Annotated[str, typer.Option(help="Of this kind, such as run, job, queue or run.failed.")] = "",
    q: Annotated[str, typer.Option("--search", help="With this word in it.")] = "",
    since: Annotated[str, typer.Option(help="Not before this time, such as 2026-11-21T07:42.")] = "",
    limit: Limit = 50,
    export: Annotated[str, typer.Option(help="Hand out all that match: csv, json or txt.")] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List what happened, the newest first.

    Works beside a running server. What commands changed while none ran is told once one does.
    """
    log = EventLog(settings_for(data).data / "events")
    query = EventQuery(
        job=job,
        state=state,
        person=person,
        kind=kind,
        q=q,
        since=_moment(since) if since else None,
        limit=limit,
    )
    if export:
        _export(log, query, export)
        return
    found = log.page(query).items
    if as_json:
        say_json(found)
        return
    if not found:
        say("Nothing that matches has happened.")
        return
    say_table(("when", "kind", "job", "what", "person"), [_row(one) for one in reversed(found)])


def _export(log: EventLog, query: EventQuery, name: str) -> None:
    writers = {"csv": as_csv, "json": as_json, "txt": as_text}
    if name not in writers:
        raise InvalidOptions({"export": f"{name!r:.80} is none of {', '.join(writers)}."})
    for piece in writers[name](log.matching(query)):
        sys.stdout.write(piece)


def _row(one: Happening) -> tuple[str, ...]:
    return times.stamp(one.at), one.kind, one.name, one.words, one.by or "Holdfast"


def _moment(told: str) -> datetime:
    try:
        return datetime.fromisoformat(told).astimezone()
    except (ValueError, OverflowError, OSError):
        words = f"{told!r:.80} is no time such as 2026-11-21T07:42."
        raise InvalidOptions({"since": words}) from None


def _audit(data: Data) -> Audit:
    folder = settings_for(data).data / "audit"
    if not folder.is_dir():
        raise NotFound("audit", str(folder), hint="Name the store's folder with --data.")
    return Audit(folder, SystemClock())


@app.command("show")
def show(limit: Limit = 50, data: Data = None, as_json: AsJson = False) -> None:
    """Show who asked for what last."""
    found = _audit(data).entries(limit=limit)
    if as_json:
        say_json(found)
        return
    rows = [
        (str(one.seq), times.stamp(one.at), one.by, one.origin, one.kind, one.name, one.words)
        for one in found
    ]
    say_table(("entry", "when", "person", "from", "kind", "job", "what"), rows[::-1])


@app.command("verify")
def verify(
    head: Annotated[str, typer.Option(help="A hash that was noted earlier, which must be there.")] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Look at every line, and name each that was altered, removed or inserted, with its file.

    Exit code 0 when all is as it was written, 1 when something is not. Note the last hash somewhere else: with
    --head it then proves that nobody wrote the whole trail anew.
    """
    found = _audit(data).verify(head=head.strip().lower())
    if as_json:
        say_json({"whole": found.whole, "lines": found.lines, "head": found.head, "flaws": found.flaws})
    else:
        for flaw in found.flaws:
            say(shown(f"CHANGED  {_place(flaw)}: {flaw.message}"))
        if found.whole:
            say(f"good     {found.lines} entries, each as it was written. The last hash is {found.head}.")
    if not found.whole:
        raise typer.Exit(1)


def _place(flaw: Flaw) -> str:
    return f"{flaw.path}:{flaw.line}" if flaw.line else flaw.path
