"""`holdfast bench`: how fast this machine does it, each figure beside a yardstick of the same run."""

import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from core.bench.rows import Row
from core.errors import NotFound
from fastapi_app.cli.terminal import AsJson, say_json, say_table


class Part(StrEnum):
    """What can be measured."""

    COPIES = "copies"
    COPY = "copy"
    LIST = "list"
    LIVE = "live"
    QUEUE = "queue"
    STORE = "store"
    TIME = "time"
    UI = "ui"


def bench(
    part: Annotated[
        list[Part] | None, typer.Argument(help="What to measure; everything when none is named.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Where to put the files that are copied (about 14 GB for a while).",
            show_default="the folder for temporary files",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option(help="Less of everything for `copies`; says little of a budget.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure copying, what Holdfast adds to other programs, lists, live updates, pages, the queue, the store and schedules, and compare each with its budget.

    Every figure stands beside a yardstick measured in the same run, so that a slow machine does not
    matter. Exit code 1 when a budget is missed.
    """
    if folder is not None and not folder.is_dir():
        raise NotFound("folder", str(folder), hint="Make it first, or leave --folder out.")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-", dir=folder) as scratch:
        for one in part or list(Part):
            rows += _measure(one, Path(scratch) / one, quick=quick)
    if as_json:
        say_json(rows)
    else:
        say_table(("what", "ours", "yardstick", "ratio", "budget", ""), [_cells(row) for row in rows])
    if not all(row.met for row in rows):
        raise typer.Exit(1)


def _measure(part: Part, folder: Path, *, quick: bool) -> tuple[Row, ...]:  # noqa: PLR0911 - one for each part
    # Each is imported only where it is asked for: together they load half of the house.
    folder.mkdir()
    match part:
        case Part.COPIES:
            from core.bench import copies  # noqa: PLC0415

            return copies.measure(folder, copies.QUICK if quick else None)
        case Part.COPY:
            from core.bench import copying  # noqa: PLC0415

            return copying.measure(folder)
        case Part.LIST:
            from core.bench import listing  # noqa: PLC0415

            return listing.measure(folder)
        case Part.LIVE:
            from fastapi_app.bench import live  # noqa: PLC0415

            return live.measure(folder)
        case Part.QUEUE:
            from core.bench import queue  # noqa: PLC0415

            return queue.measure(folder)
        case Part.STORE:
            from fastapi_app.bench import store  # noqa: PLC0415

            return store.measure(folder)
        case Part.TIME:
            from core.bench import days  # noqa: PLC0415

            return days.measure(folder)
        case Part.UI:
            from fastapi_app.bench import ui  # noqa: PLC0415

            return ui.measure(folder)


def _cells(row: Row) -> tuple[str, ...]:
    yardstick = "" if row.yardstick is None else f"{row.yardstick:.3g} {row.unit}, {row.yardstick_name}"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    return (
        row.name,
        f"{row.ours:.3g} {row.unit}",
        yardstick,
        ratio,
        row.budget,
        "met" if row.met else "MISSED",
    )
