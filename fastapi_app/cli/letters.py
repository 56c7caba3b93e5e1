"""`holdfast dead-letters`: the failed runs that nobody has requeued or discarded yet."""

from typing import Annotated, Final

import typer

from core.dead_letters import LetterQuery
from core.errors import InvalidOptions, NotFound
from fastapi_app.cli.finding import find_job
from fastapi_app.cli.house import House, the_house
from fastapi_app.cli.letter_rows import LetterRow
from fastapi_app.cli.terminal import AsJson, Data, note, say, say_json, say_table, shown
from fastapi_app.presenters import times
from fastapi_app.presenters.texts import plural

app = typer.Typer(
    help="Failed runs that wait for somebody: list, requeue and discard them.", no_args_is_help=True
)

Runs = Annotated[list[str] | None, typer.Argument(help="Ids of runs, or how they begin.", show_default=False)]
Text = Annotated[str, typer.Option("--text", help="Only with these words in the error or the job's name.")]
OfJob = Annotated[str, typer.Option("--job", help="Only of this job: its name or id.")]
Kind = Annotated[str, typer.Option("--kind", help="Only of this kind of job.")]
Tag = Annotated[str, typer.Option("--tag", help="Only of jobs with this tag.")]
Group = Annotated[str, typer.Option("--group", help="Only with this error: see `dead-letters groups`.")]
Succeeded = Annotated[
    bool | None,
    typer.Option("--succeeded/--not-succeeded", help="Only where the job has, or has not, succeeded since."),
]
Everything = Annotated[bool, typer.Option("--all", help="All that match the options; without any, all.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

SHORTEST: Final = 4
LONGEST_SHOWN: Final = 60


@app.command("list")
def list_(  # one for each part of the filter
    *,
    text: Text = "",
    job: OfJob = "",
    kind: Kind = "",
    tag: Tag = "",
    group: Group = "",
    succeeded: Succeeded = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List failed runs that nobody has seen to, the newest first."""
    with the_house(data) as house:
        found = house.dead_letters(_query(house, text, job, kind, tag, group, succeeded))
    if as_json:
        say_json(found)
    elif found:
        say_table(("failed", "job", "run", "attempts", "error", "id"), [_row(one) for one in found])
    else:
        say("All is well: no failed run waits for anybody.")


def _row(one: LetterRow) -> tuple[str, ...]:
    again = " (has succeeded since)" if one.succeeded else ""
    return (
        times.stamp(one.at),
        one.job,
        str(one.number),
        str(one.attempts),
        _short(one.message) + again,
        one.run_id[:8],
    )


def _short(message: str) -> str:
    return message if len(message) <= LONGEST_SHOWN else f"{message[:LONGEST_SHOWN]}…"


@app.command("groups")
def groups(data: Data = None, as_json: AsJson = False) -> None:
    """List failures with the same error together, the largest group first."""
    with the_house(data) as house:
        found = house.failure_groups()
    if as_json:
        say_json(found)
        return
    if not found:
        say("All is well: no failed run waits for anybody.")
    for one in found:
        counts = f"{plural(one.runs, 'run')}, {plural(one.jobs, 'job')}"
        say(f"{one.group}  {counts}, since {times.stamp(one.since)}: {shown(_short(one.message))}")
        if one.note:
            say(f"                  Note by {shown(one.note.by or 'someone')}: {shown(one.note.text)}")


@app.command("requeue")
def requeue(  # as above
    runs: Runs = None,
    *,
    everything: Everything = False,
    text: Text = "",
    job: OfJob = "",
    kind: Kind = "",
    tag: Tag = "",
    group: Group = "",
    succeeded: Succeeded = None,
    yes: Yes = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Ask for a new run of each job that is meant; it covers the job's older failures."""
    with the_house(data) as house:
        query = _query(house, text, job, kind, tag, group, succeeded)
        meant = _meant(house, runs, query, everything=everything)
        _confirm("Requeue", meant, yes=yes)
        done = house.requeue_letters(tuple(one.run_id for one in meant))
        waits = house.ends_here and done.made
    if as_json:
        say_json(done)
    else:
        covers = f"; {plural(len(done.covered), 'more failure')} covered by that" if done.covered else ""
        say(f"{plural(len(done.made), 'new run')}{covers}.")
    for kept in done.kept:
        note(f"Run {kept.run_id[:8]} stayed: {kept.message}")
    if waits:
        note("No Holdfast is running: they begin when one does.")
    if done.kept:
        raise typer.Exit(1)


@app.command("discard")
def discard(  # as above
    runs: Runs = None,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the event log.")] = "",
    everything: Everything = False,
    text: Text = "",
    job: OfJob = "",
    kind: Kind = "",
    tag: Tag = "",
    group: Group = "",
    succeeded: Succeeded = None,
    yes: Yes = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Give failed runs up; their history stays."""
    with the_house(data) as house:
        query = _query(house, text, job, kind, tag, group, succeeded)
        meant = _meant(house, runs, query, everything=everything)
        _confirm("Give up", meant, yes=yes)
        gone = house.discard_letters(tuple(one.run_id for one in meant), reason)
    say_json(gone) if as_json else say(f"{plural(len(gone), 'failed run')} given up.")


@app.command("note")
def note_(
    group: Annotated[str, typer.Argument(help="The error: see `dead-letters groups`.", show_default=False)],
    text: Annotated[str, typer.Argument(help="What helps; empty takes the note away.", show_default=False)],
    data: Data = None,
) -> None:
    """Note what helps against an error; the note stays for the next time."""
    with the_house(data) as house:
        house.note_failure(group, text)
    say("Noted." if text.strip() else "The note is gone.")


def _query(  # as above
    house: House, text: str, job: str, kind: str, tag: str, group: str, succeeded: bool | None
) -> LetterQuery:
    job_id = find_job(house, job).job.id if job else ""
    return LetterQuery(text=text, job_id=job_id, kind=kind, tag=tag, group=group, succeeded=succeeded)


def _meant(
    house: House, runs: list[str] | None, query: LetterQuery, *, everything: bool
) -> tuple[LetterRow, ...]:
    """Return the letters that are meant; raises InvalidOptions where nobody said which, NotFound for no letter."""
    filtered = query != LetterQuery()
    if not runs and not everything and not filtered:
        raise InvalidOptions({"runs": "Say which: ids of runs, a filter such as --group, or --all."})
    if runs and (everything or filtered):
        raise InvalidOptions({"runs": "Say either ids of runs or a filter, not both."})
    found = house.dead_letters(query)
    return tuple(_one(found, which) for which in runs) if runs else found


def _one(found: tuple[LetterRow, ...], which: str) -> LetterRow:
    fitting = [one for one in found if len(which) >= SHORTEST and one.run_id.startswith(which)]
    if len(fitting) != 1:
        raise NotFound("dead letter", which)
    return fitting[0]


def _confirm(verb: str, meant: tuple[LetterRow, ...], *, yes: bool) -> None:
    if not meant:
        say("No failed run matches.")
        raise typer.Exit
    if len(meant) > 1 and not yes:
        jobs = len({one.job_id for one in meant})
        typer.confirm(f"{verb} {plural(len(meant), 'run')} of {plural(jobs, 'job')}?", abort=True)
