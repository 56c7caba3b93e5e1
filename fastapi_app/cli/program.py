"""The `holdfast` command, put together from its verbs."""

import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Final

import typer

from core.errors import HoldfastError
from fastapi_app.cli import (
    backup,
    bench,
    breakers,
    commands,
    create,
    destinations,
    doctor,
    edit,
    events,
    graphs,
    imports,
    jobs,
    kinds,
    letters,
    notify,
    quarantine,
    queue,
    restart,
    runs,
    schedules,
    serve,
    store,
    trials,
    users,
)
from fastapi_app.cli.terminal import complain

REFUSED: Final = 2

app = typer.Typer(
    name="holdfast",
    help="A control room for long jobs: it runs them, shows them live, and proves that they did what they say.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("serve")(serve.serve)
app.command("restart")(restart.restart)
app.command("backup")(backup.backup)
app.command("import")(imports.import_)
jobs.app.command("create")(create.create)
jobs.app.command("edit")(edit.edit)
jobs.app.command("graph")(graphs.graph)
jobs.app.command("try")(trials.try_)
jobs.app.command("command")(commands.of_job)
runs.app.command("command")(commands.of_run)
app.add_typer(jobs.app, name="job")
app.add_typer(runs.app, name="run")
app.add_typer(queue.app, name="queue")
app.add_typer(schedules.app, name="schedule")
app.add_typer(letters.app, name="dead-letters")
app.add_typer(breakers.app, name="breaker")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(store.app, name="store")
app.add_typer(destinations.app, name="destination")
app.add_typer(notify.app, name="notify")
app.add_typer(users.app, name="user")
app.command("events")(events.events)
app.add_typer(events.app, name="audit")
app.command("kinds")(kinds.kinds)
app.command("doctor")(doctor.doctor)
app.command("bench")(bench.bench)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"holdfast {program_version()}")
        raise typer.Exit


@app.callback()
def holdfast(
    tell_version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Say which version this is."),
    ] = False,
) -> None:
    """Begin here; every command has its own --help."""


def program_version() -> str:
    """Return the version of the installed program."""
    try:
        return version("holdfast-jobs")
    except PackageNotFoundError:
        return "unknown"


def main(command: Callable[[], object] = app) -> None:
    """Run the command; an error that Holdfast can name becomes two lines and exit code 2."""
    try:
        command()
    except HoldfastError as error:
        complain(error)
        sys.exit(REFUSED)
