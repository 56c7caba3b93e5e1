"""`holdfast job log`: what a run said, with its colours where there is a terminal."""

import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import Annotated, Final, Literal

import typer

from core.errors import HoldfastError, NotFound
from core.log_files import PAINT, LogLine
from core.models import Run
from fastapi_app.cli.finding import Which, find_job
from fastapi_app.cli.house import House, the_house
from fastapi_app.cli.terminal import Data, note, shown

LOOK_EVERY: Final = 0.5
BEYOND: Final = 2**53
"""A number that no line has: what is asked for after it is only how many there are."""

Level = Annotated[
    Literal["info", "warn", "error"] | None, typer.Option(help="Only lines of this level, or worse.")
]


def log(
    which: Annotated[str, typer.Argument(help="A job's name or id, or a run's id.", show_default=False)],
    follow_on: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run is over.")] = False,
    level: Level = None,
    tail: Annotated[
        int | None, typer.Option("--tail", "-n", min=0, help="Only the last so many lines.")
    ] = None,
    data: Data = None,
) -> None:
    """Print the log of a run, or of a job's latest run; Ctrl-C stops printing, not the run."""
    with the_house(data) as house:
        run = _run_of(house, which)
        after, there = 0, False
        if tail is not None:
            after = house.log(run.id, BEYOND).total
            there = after > 0
            for line in _last(house, run.id, tail, level, after):
                _print(line)
        for line in _lines(house, run.id, after, level, follow_on=follow_on and not house.ends_here):
            there = True
            _print(line)
        if not there:
            _tell_of_no_log(run, level)


def _run_of(house: House, which: Which) -> Run:
    """Return the run of this id, else the latest run of the job; raises NotFound."""
    try:
        latest = find_job(house, which).latest_run
    except NotFound as error:
        try:
            return house.run(which)
        except HoldfastError:  # what was asked for is no job either
            raise error from None
    if latest is None:
        raise NotFound("run of job", which, hint="It has never run.")
    return latest


def _last(house: House, run_id: str, count: int, level: str | None, total: int) -> Iterator[LogLine]:
    """Give the last lines up to a number of those of a level."""
    if level is None:
        lines = _lines(house, run_id, max(total - count, 0), None)
        yield from (line for line in lines if line.number <= total)
        return
    kept = deque((line for line in _lines(house, run_id, 0, level) if line.number <= total), maxlen=count)
    yield from kept


def _lines(
    house: House, run_id: str, after: int, level: str | None, *, follow_on: bool = False
) -> Iterator[LogLine]:
    """Give the lines after a number, until there are no more, or until the run is over."""
    while True:
        over = house.run(run_id).over  # before reading: what is not there then will never be
        page = house.log(run_id, after, level)
        yield from page.lines
        if page.next > after:
            after = page.next
        elif over or not follow_on:
            return
        else:
            time.sleep(LOOK_EVERY)


def _print(line: LogLine) -> None:
    """Print a line, or end where nobody reads any more."""
    try:
        typer.echo(told(line))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nor is anything said at the end
        raise typer.Exit from None


def told(line: LogLine) -> str:
    """Return a line as a terminal shows it: in colours where it has them and they are wanted."""
    text = shown(line.text)
    if line.painted and has_colours():
        parts = PAINT.split(line.painted)
        text = "".join(part if place % 2 else shown(part) for place, part in enumerate(parts))
    return f"{line.at:%H:%M:%S}  {line.word:<5}  {text}"


def has_colours() -> bool:
    """Tell whether colours are shown: on a terminal, unless NO_COLOR is set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _tell_of_no_log(run: Run, level: str | None) -> None:
    """Say why nothing was printed: whatever was begun has a log, for as long as logs are kept."""
    if level is not None:
        note(f"Run {run.number} said nothing of level {level}.")
    elif run.attempts and run.over:
        note(f"The log of run {run.number} is not there any more: it was kept long enough, or taken away.")
    else:
        note(f"There is no log of run {run.number} so far.")
