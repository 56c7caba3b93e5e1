"""`holdfast run`: runs, from the command line."""

import shlex
from typing import Annotated

import typer

from core.errors import WrongState
from core.models import Run
from core.work import Question
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
        question = house.question(run_id)
    if as_json:
        fields = {name: getattr(run, name) for name in run.__struct_fields__}
        say_json({**fields, "waiting": why, "question": question})
        return
    say(f"Run {run.number} is {run.state}.")
    if why is not None:
        say(shown(why["words"]))
    if question is not None:
        _say_question(question)
    if run.error is not None:
        say(shown(f"{run.error.message} {run.error.hint}"))
    for warning in run.warnings:
        say(f"Warning: {shown(warning)}")
    say_table(("", ""), [(name, str(value)) for name, value in (run.result or {}).items()])


def _say_question(question: Question) -> None:
    say(f"It asks: {shown(question.sentence)}")
    for detail in question.details:
        say(f"  {shown(detail)}")
    say_table(("answer", "means"), [(answer, shown(words)) for answer, words in question.answers.items()])
    if question.typed:
        say(f"For any but the first, add: --typed {shown(shlex.quote(question.typed))}")


@app.command("answer")
def answer(
    run_id: Annotated[str, typer.Argument(help="The run's id.", show_default=False)],
    given: Annotated[
        str | None,
        typer.Argument(metavar="[ANSWER]", help="The answer; without one, what is asked is shown."),
    ] = None,
    typed: Annotated[str, typer.Option(help="What must be typed for answers that may do harm.")] = "",
    data: Data = None,
) -> None:
    """Answer what a paused run asks, and let it go on."""
    with the_house(data) as house:
        question = house.question(run_id)
        if question is None:
            raise WrongState("This run asks nothing.", hint="Look at it with `holdfast run show`.")
        if given is None:
            _say_question(question)
            return
        run = house.answer(run_id, question.id, given, typed)
    say(f"Run {run.number} goes on.")
