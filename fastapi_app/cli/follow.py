"""How a run looks from a terminal: a bar where there is one, plain lines in a pipe."""

import sys
import time
from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from core.errors import HoldfastError
from core.models import Run
from core.states import RunState
from fastapi_app.cli.house import House
from fastapi_app.cli.terminal import say, shown
from fastapi_app.presenters import sizes, times

LINE_EVERY: Final = 5.0
"""Seconds between two plain lines about the same stage."""


class Watcher(AbstractContextManager["Watcher"]):
    """Shows a run while it goes on."""

    def __exit__(self, *_: object) -> None:
        """End the showing."""

    @abstractmethod
    def show(self, run: Run) -> None:
        """Show the run as it is now."""


class Silent(Watcher):
    """Shows nothing until the end."""

    def show(self, run: Run) -> None:
        """Show nothing."""


class Lines(Watcher):
    """Writes a line when the state or stage changes, and now and then."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: tuple[RunState, str] | None = None
        self._said_at = float("-inf")

    def show(self, run: Run) -> None:
        """Write a line if there is something to say."""
        place = (run.state, run.progress.stage)
        if place == self._last and self._clock() - self._said_at < LINE_EVERY:
            return
        if not run.over:
            say(line_about(run))
        self._last, self._said_at = place, self._clock()


class Bar(Watcher):
    """Draws a progress bar on a terminal."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<10}", markup=False),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn("{task.fields[words]}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, run: Run) -> None:
        """Move the bar to where the run is."""
        if self._task is None:
            self._task = self._progress.add_task("", total=100, words="")
        percent = run.progress.percent
        self._progress.update(
            self._task,
            description=(run.progress.stage or run.state).capitalize(),
            total=None if percent is None else 100,
            completed=percent or 0,
            words=speed_of(run),
        )


def line_about(run: Run) -> str:
    """Return one plain line about a run that is not over."""
    if run.state != RunState.RUNNING or not run.progress.stage:
        return f"{run.state.capitalize()}."
    percent = "" if run.progress.percent is None else f" {run.progress.percent:.0f}%"
    return f"{run.progress.stage.capitalize()}{percent}  {speed_of(run)}".rstrip()


def speed_of(run: Run) -> str:
    """Return what has been done, how fast, and how long it will take, as far as known."""
    progress = run.progress
    parts = (progress.message, sizes.rate(progress.rate, progress.unit), times.left(progress.eta_seconds))
    return shown(", ".join(part for part in parts if part))


def watcher_for(*, silent: bool) -> Watcher:
    """Return the way of showing that fits where the output goes."""
    if silent:
        return Silent()
    return Bar() if sys.stderr.isatty() and sys.stdout.isatty() else Lines()


def follow(house: House, run_id: str, watcher: Watcher) -> Run:
    """Show the run until it is over or paused; Ctrl-C cancels it, a second one leaves at once."""
    with watcher:
        try:
            return _watch(house, run_id, watcher)
        except KeyboardInterrupt:
            _cancel(house, run_id)
            return _watch(house, run_id, watcher)


def _cancel(house: House, run_id: str) -> None:
    """Cancel the run, unless it is over by now."""
    try:
        house.act(run_id, "cancel")
    except HoldfastError:
        if not house.run(run_id).over:
            raise


def _watch(house: House, run_id: str, watcher: Watcher) -> Run:
    for run in house.follow(run_id):
        watcher.show(run)
    return house.run(run_id)
