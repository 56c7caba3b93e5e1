"""What the commands have in common: words on a terminal, lines in a pipe, JSON for machines."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from msgspec import to_builtins
from msgspec.structs import replace

from core.errors import HoldfastError, InvalidOptions
from core.hiding import hidden
from core.models import Job, Run, Value

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        envvar="HOLDFAST_DATA",
        help="The folder that holds Holdfast's data.",
        show_default="data",
    ),
]
Key = Annotated[str, typer.Option("--key", help="A word of yours; asking again with it makes nothing more.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for machines.")]


def say(text: str = "") -> None:
    """Print a line for people; when nobody reads any more, the work goes on in silence."""
    try:
        typer.echo(text)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(text: str) -> None:
    """Say something beside the answer, on standard error."""
    typer.echo(shown(text), err=True)


def complain(error: HoldfastError) -> None:
    """Say on standard error what happened and what to do next."""
    for line in _lines(error):
        typer.secho(f"holdfast: {shown(line)}", err=True, fg=typer.colors.RED)
    if error.hint:
        typer.echo(f"          {shown(error.hint)}", err=True)


def _lines(error: HoldfastError) -> list[str]:
    """Return what happened; where fields are wrong, each with its name."""
    if isinstance(error, InvalidOptions):
        return [f"{field.removeprefix('options.')}: {words}" for field, words in error.problems.items()]
    return [str(error)]


def shown(text: str) -> str:
    """Return the text with nothing in it that could act on a terminal or cannot be printed."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )


def say_json(value: Any) -> None:  # noqa: ANN401 - any value of ours
    """Print one JSON document, with every field of what it is about."""
    plain = to_builtins(_whole(value), str_keys=True)
    sys.stdout.write(orjson.dumps(plain, option=orjson.OPT_INDENT_2).decode() + "\n")


def _whole(value: Any) -> Any:  # noqa: ANN401 - as above
    """Return the value with what files leave out because it goes without saying, and without secrets."""
    if isinstance(value, Job | Run):
        value = replace(value, options=hidden(value.options))
    if isinstance(value, Value):
        return {name: _whole(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list | tuple) else value


def say_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under titles, each column as wide as it must be."""
    lines = [[shown(cell) for cell in row] for row in (titles, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
