"""The `holdfast` command, put together from its verbs; only what is called is loaded."""

import importlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Annotated, Any, Final

import typer

from core.errors import HoldfastError
from fastapi_app.cli.terminal import complain

REFUSED: Final = 2

COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "serve": "serve:serve",
        "restart": "restart:restart",
        "backup": "backup:backup",
        "import": "imports:import_",
        "suggest": "suggest:suggest",
        "job": "job_verbs:app",
        "run": "run_verbs:app",
        "queue": "queue:app",
        "schedule": "schedules:app",
        "dead-letters": "letters:app",
        "breaker": "breakers:app",
        "quarantine": "quarantine:app",
        "store": "store:app",
        "destination": "destinations:app",
        "notify": "notify:app",
        "user": "users:app",
        "events": "events:events",
        "audit": "events:app",
        "kinds": "kinds:kinds",
        "doctor": "doctor:doctor",
        "bench": "bench:bench",
    }
)
"""Each word that can be called: the function, or the command with verbs of its own, and the module it lives in."""


def app_with(names: Iterable[str]) -> typer.Typer:
    """Return the command with these words below it, and no others."""
    app = typer.Typer(
        name="holdfast",
        help="A control room for long jobs: it runs them, shows them live, and proves that they did what they say.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(holdfast)
    for name in names:
        found = _found(COMMANDS[name])
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def _found(place: str) -> Any:  # noqa: ANN401 - a function or a command with verbs
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(f"fastapi_app.cli.{module}"), name)


def words_in(argv: Sequence[str]) -> tuple[str, ...]:
    """Return the words to load for this call: the one that is called, all of them for help and for what is none."""
    called = argv[0] if argv else ""
    return (called,) if called in COMMANDS else tuple(COMMANDS)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"holdfast {program_version()}")
        raise typer.Exit


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


def main() -> None:
    """Run the command; an error that Holdfast can name becomes two lines and exit code 2."""
    try:
        app_with(words_in(sys.argv[1:]))()
    except HoldfastError as error:
        complain(error)
        sys.exit(REFUSED)
