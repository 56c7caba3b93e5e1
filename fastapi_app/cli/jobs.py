"""`holdfast job`: jobs, from the command line."""

from collections.abc import Callable, Mapping
from typing import Annotated, Final

import typer

from core.errors import InvalidOptions, NotFound
from core.hiding import hidden
from core.listing import NEVER_RUN, JobQuery, state_of
from core.models import JobOverview, Run
from core.schedules import in_words
from core.states import RunState
from fastapi_app.cli import graphs, logs
from fastapi_app.cli.backup import exit_code
from fastapi_app.cli.finding import Which, find_job
from fastapi_app.cli.follow import follow, watcher_for
from fastapi_app.cli.house import the_house
from fastapi_app.cli.terminal import AsJson, Data, Key, say, say_json, say_table, shown
from fastapi_app.presenters import times
from fastapi_app.presenters.terms import labelled

STARTING: Final = ("resume", "requeue")
"""What a run goes on after, so that somebody has to carry it out."""

app = typer.Typer(help="Jobs: list, show, create, start, follow and stop them.", no_args_is_help=True)


@app.command("list")
def list_(
    text: Annotated[str, typer.Argument(help="Only jobs with these words.")] = "",
    state: Annotated[
        list[str] | None, typer.Option(help="Only jobs in this state; `never` has not run.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List jobs with the state of their latest run."""
    wanted = tuple(state or ())
    if unknown := set(wanted) - {*RunState, NEVER_RUN}:
        raise InvalidOptions({"state": f"{unknown.pop()!r} is none of {', '.join(RunState)}, {NEVER_RUN}."})
    with the_house(data) as house:
        page = house.list_jobs(JobQuery(text=text, states=wanted, sort="name", limit=None))
    if as_json:
        say_json(page.items)
        return
    if not page.items and (text or wanted):
        say("No job matches.")
        return
    if not page.items:
        say("No jobs. Make one with `holdfast backup SOURCE DESTINATION` or `holdfast job create`.")
        return
    rows = [
        (item.job.id[:8], item.job.name, item.job.kind, state_of(item), _when(item)) for item in page.items
    ]
    say_table(("id", "name", "kind", "state", "last run"), rows)


def _when(item: JobOverview) -> str:
    return times.stamp(item.latest_run.created_at) if item.latest_run else ""


@app.command("show")
def show(which: Which, data: Data = None, as_json: AsJson = False) -> None:
    """Show a job, its options and its latest run."""
    with the_house(data) as house:
        item = find_job(house, which)
        job = item.job
        names = {one: house.job(one).job.name for one in job.after} if not as_json else {}
        why = house.waiting(item.latest_run) if item.latest_run is not None else None
    if as_json:
        say_json(item)
        return
    facts = [("id", job.id), ("name", job.name), ("kind", job.kind), ("version", str(job.version))]
    facts += [(name, words) for name, value in hidden(job.options).items() if (words := _plain(value))]
    facts += [("due", in_words(job.schedule))] if job.schedule else []
    facts += [(label.lower(), sentence) for label, sentence in labelled(job, names)]
    facts += [("state", state_of(item)), ("last run", _when(item))]
    say_table(("", ""), [*facts, *([("why", why["words"])] if why is not None else [])])


def _plain(value: object) -> str:
    """Return an option as people write it; nothing for what is not set."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={item}" for name, item in value.items())
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


@app.command("start")
def start(
    which: Which,
    watch: Annotated[bool, typer.Option("--watch/--no-watch", help="Follow it to its end.")] = True,
    graph: Annotated[
        bool, typer.Option("--graph", help="Start all that it comes after instead; it follows.")
    ] = False,
    key: Key = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Start a job, or go on with its run that is paused."""
    if graph:
        graphs.graph(which, start=True, watch=watch, data=data, as_json=as_json)
    with the_house(data, at_work=True) as house:
        run = house.start(find_job(house, which).job.id, key=key)
        if watch or house.ends_here:
            run = follow(house, run.id, watcher_for(silent=as_json))
        _tell(run, as_json=as_json)
    raise typer.Exit(exit_code(run) if run.over else 0)


@app.command("watch")
def watch(which: Which, data: Data = None) -> None:
    """Follow a job's latest run until it is over; Ctrl-C leaves it at work. Ends with 1 if it failed."""
    with the_house(data) as house:
        run_id = _latest(find_job(house, which)).id
        with watcher_for(silent=False) as watcher:
            for run in house.follow(run_id):
                watcher.show(run)
        run = house.run(run_id)
        _tell(run, as_json=False)
        for warning in run.warnings:
            say(f"Warning: {shown(warning)}")
    raise typer.Exit(exit_code(run))


app.command("log")(logs.log)


def _acting(verb: str, words: str) -> Callable[..., None]:
    def act(which: Which, data: Data = None, as_json: AsJson = False) -> None:
        with the_house(data, at_work=verb in STARTING) as house:
            run = house.act(_latest(find_job(house, which)).id, verb)
            if house.ends_here and run.state == RunState.QUEUED:
                run = follow(house, run.id, watcher_for(silent=as_json))
        _tell(run, as_json=as_json)

    act.__doc__ = words
    return act


app.command("pause")(_acting("pause", "Stop a job's run half-way; `resume` goes on from there."))
app.command("resume")(_acting("resume", "Let a paused run go on."))
app.command("cancel")(_acting("cancel", "Stop a job's run for good."))
app.command("requeue")(_acting("requeue", "Run a job again whose latest run failed or was cancelled."))


@app.command("delete")
def delete(
    which: Which,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: Data = None,
) -> None:
    """Delete a job, its runs and its logs; the copies it made stay."""
    with the_house(data) as house:
        job = find_job(house, which).job
        if not yes:
            typer.confirm(f"Delete {shown(job.name)} and its history? The copies it made stay.", abort=True)
        house.delete(job.id)
    say(f"Deleted {shown(job.name)}.")


def _latest(item: JobOverview) -> Run:
    if item.latest_run is None:
        raise NotFound("run of job", item.job.name, hint="It has never run.")
    return item.latest_run


def _tell(run: Run, *, as_json: bool) -> None:
    if as_json:
        say_json(run)
    elif run.error is not None:
        say(shown(f"Run {run.number} is {run.state}. {run.error.message} {run.error.hint}"))
    else:
        say(f"Run {run.number} is {run.state}.")
