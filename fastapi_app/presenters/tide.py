"""The tide line: the history of a job at a glance.

Good runs stand above the line, failures hang below it, runs that were called off are hollow on
it, the present run is blue. Height is duration. Five paths, so that thirty runs take about 450 bytes.
"""

from collections.abc import Sequence
from typing import Final

from core.models import Run, Value
from core.states import RunState
from fastapi_app.presenters.states import is_unproved, mark_of

PITCH: Final = 6
LINE: Final = 16
TALLEST: Final = 13
SHORTEST: Final = 3


class Tide(Value, frozen=True, kw_only=True):
    """The paths of a tide line, its width, and its counts in words."""

    width: int
    good: str
    bad: str
    off: str
    now: str
    label: str


def tide_of(runs: Sequence[Run], most: int = 30) -> Tide:
    """Return the line of the latest runs; `runs` has the newest first."""
    shown = [*reversed(runs[:most])]
    longest = max((_seconds(run) for run in shown), default=0.0) or 1.0
    paths = {"good": "", "bad": "", "off": "", "now": ""}
    for place, run in enumerate(shown):
        across = PITCH * (place + most - len(shown)) + PITCH // 2
        height = SHORTEST + round((TALLEST - SHORTEST) * _seconds(run) / longest)
        where, path = _bar(run, across, height)
        paths[where] += path
    return Tide(width=PITCH * most, label=_label(shown), **paths)


def _bar(run: Run, across: int, height: int) -> tuple[str, str]:
    if run.state == RunState.COMPLETED:
        return "good", f"M{across} {LINE - 1}V{LINE - 1 - height}"
    if run.state in {RunState.CANCELLED, RunState.SKIPPED}:
        return "off", f"M{across - 1}.5 {LINE - 1}.5h3v3h-3z"
    if run.over:
        return "bad", f"M{across} {LINE + 1}V{LINE + 8}"
    return "now", f"M{across} {LINE - 1}V5"


def _seconds(run: Run) -> float:
    if run.started_at is None or run.ended_at is None:
        return 0.0
    return max((run.ended_at - run.started_at).total_seconds(), 0.0)


def _label(runs: Sequence[Run]) -> str:
    if not runs:
        return "No runs yet"
    words: dict[str, int] = {}
    for run in runs:
        good = run.state == RunState.COMPLETED and not is_unproved(run)
        word = "good" if good else mark_of(run).word.lower().replace(",", " but")
        words[word] = words.get(word, 0) + 1
    counts = ", ".join(f"{count} {word}" for word, count in words.items())
    return f"Last run: {counts}" if len(runs) == 1 else f"Last {len(runs)} runs: {counts}"
