"""`holdfast run`: runs, from the command line."""

from typing import Annotated

import typer

from core.models import Run
from fastapi_app.cli.finding import Which, find_job
from fastapi_app.cli.house import the_house
from fastapi_app.cli.terminal import AsJson, Data, say, say_json, say_table, shown
from fastapi_app.presenters import times

app = typer.Typer(help="Runs: what was done, and how it went.", no_args_is_help=True)


@app.command("list")
def list_(which: Which, data: Data = None, as_json: AsJson = False) -> None:
    """List a job's runs, the newest first."""
    with the_house(data) as house:
        runs = house.runs_of(find_job(house, which).job.id)
    if as_json:
        say_json(runs)
        return
    say_table(("run", "state", "started", "took", "id"), [_row(run) for run in runs])


def _row(run: Run) -> tuple[str, ...]:
    started = times.stamp(run.started_at) if run.started_at else ""
    took = (
        times.span((run.ended_at - run.started_at).total_seconds()) if run.ended_at and run.started_at else ""
    )
    return str(run.number), run.state, started, took, run.id


@app.command("show")
def show(
    run_id: Annotated[str, typer.Argument(help="The run's id.", show_default=False)],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show a run: its result, warnings and error; where it waits, why."""
    with the_house(data) as house:
        run = house.run(run_id)
        why = house.waiting(run)
    if as_json:
        say_json({**{name: getattr(run, name) for name in run.__struct_fields__}, "waiting": why})
        return
    say(f"Run {run.number} is {run.state}.")
    if why is not None:
        say(shown(why["words"]))
    if run.error is not None:
        say(shown(f"{run.error.message} {run.error.hint}"))
    for warning in run.warnings:
        say(f"Warning: {shown(warning)}")
    say_table(("", ""), [(name, str(value)) for name, value in (run.result or {}).items()])
