"""All runs of a job, a page at a time: how each ended, and how long it took beside what is usual."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Final
from urllib.parse import urlencode

from core.models import Job, Run, Value
from core.states import RunState
from core.usual import Measure, Measured, Usual, comparable, likeness, seconds_at_work, usual_of
from core.usual import in_words as usual_in_words
from fastapi_app.presenters import sizes, times
from fastapi_app.presenters.proofs import Proof, proof_of
from fastapi_app.presenters.runs import by_words
from fastapi_app.presenters.states import Mark, is_unproved, is_verified, mark_of
from fastapi_app.presenters.tide import Tide, tide_of

A_PAGE: Final = 50
BARS: Final = 90
WIDTH: Final = 60
"""Of the bar beside a duration."""

GROUPS: Final[Mapping[str, str]] = {
    "good": "Good",
    "warned": "With warnings",
    "unproved": "Not verified",
    "failed": "Failed",
    "off": "Called off",
    "open": "Not over",
}
"""What runs are filtered by: the name in the address, and the word."""

COLUMNS: Final = (
    "number",
    "id",
    "state",
    "verified",
    "why",
    "asked_by",
    "attempts",
    "created_at",
    "started_at",
    "ended_at",
    "seconds_at_work",
    "files",
    "bytes",
    "new_bytes",
    "error",
)


class Chip(Value, frozen=True, kw_only=True):
    """A group of runs to look at alone."""

    word: str
    count: str
    address: str
    chosen: bool


class RunRow(Value, frozen=True, kw_only=True):
    """A run in the list; `share` of a bar is how long it took, `unlike` says where that is not usual."""

    id: str
    number: int
    mark: Mark
    note: str
    by: str
    started_at: datetime | None
    moved: str
    took: str
    share: int
    unlike: str


class RunsPage(Value, frozen=True, kw_only=True):
    """A page of the list; `usual` is what most runs took, between `low` and `high` of the bars."""

    chips: tuple[Chip, ...]
    rows: tuple[RunRow, ...]
    tide: Tide
    range: str
    newer: str
    older: str
    usual: str
    low: int
    high: int
    csv: str


def runs_page(
    job: Job, history: Sequence[Run], past: Sequence[Measured], *, group: str = "", before: int | None = None
) -> RunsPage:
    """Return the runs of a group, the newest first, those below a number; `history` has all, the newest first."""
    group = group if group in GROUPS else ""
    grouped = [(run, groups_of(run)) for run in history]
    of_group = [run for run, groups in grouped if group in groups] if group else list(history)
    start = next(
        (place for place, run in enumerate(of_group) if before is None or run.number < before), len(of_group)
    )
    shown = of_group[start : start + A_PAGE]
    about = usual_of(Measure.SECONDS, comparable(past, likeness(job.kind, job.options)))
    longest = max([seconds_at_work(run) for run in shown], default=0.0)
    return RunsPage(
        chips=_chips(
            job.id, len(history), Counter(chain.from_iterable(found for _, found in grouped)), group
        ),
        rows=tuple(_row(run, about, longest) for run in shown),
        tide=tide_of(history, BARS),
        range=_range(start, len(shown), len(of_group)),
        newer=_newer(job.id, of_group, start, group),
        older=_address(job.id, group, shown[-1].number) if start + A_PAGE < len(of_group) else "",
        usual=usual_in_words(Measure.SECONDS, about) if about else "",
        low=_share(about.low, longest) if about else 0,
        high=_share(about.high, longest) if about else 0,
        csv=f"/jobs/{job.id}/runs.csv" + (f"?{urlencode({'group': group})}" if group else ""),
    )


def groups_of(run: Run) -> tuple[str, ...]:
    """Return the groups that a run belongs to."""
    match run.state:
        case RunState.COMPLETED:
            said = (("warned", bool(run.warnings)), ("unproved", is_unproved(run)))
            return tuple(name for name, holds in said if holds) or ("good",)
        case RunState.FAILED:
            return ("failed",)
        case RunState.CANCELLED | RunState.SKIPPED:
            return ("off",)
    return () if run.over else ("open",)


def _chips(job_id: str, total: int, counts: Mapping[str, int], group: str) -> tuple[Chip, ...]:
    """Return the groups that have runs, and all."""
    found = [("", "All", total), *((name, word, counts.get(name, 0)) for name, word in GROUPS.items())]
    return tuple(
        Chip(word=word, count=f"{count:,}", address=_address(job_id, name), chosen=name == group)
        for name, word, count in found
        if count or name in {"", group}
    )


def _address(job_id: str, group: str, before: int | None = None) -> str:
    asked = {"group": group, "before": before}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"/jobs/{job_id}/runs" + (f"?{query}" if query else "")


def _newer(job_id: str, runs: Sequence[Run], start: int, group: str) -> str:
    if start == 0:
        return ""
    first = start - A_PAGE
    return _address(job_id, group) if first <= 0 else _address(job_id, group, runs[first - 1].number)


def _range(start: int, shown: int, total: int) -> str:
    if not shown:
        return "none"
    return f"{start + 1:,} to {start + shown:,} of {total:,}" if shown < total else f"{total:,} in all"


def _row(run: Run, about: Usual | None, longest: float) -> RunRow:
    proof, seconds = proof_of(run), seconds_at_work(run)
    return RunRow(
        id=run.id,
        number=run.number,
        mark=mark_of(run),
        note=run.error.message if run.error else run.reason,
        by=by_words(run),
        started_at=run.started_at,
        moved=sizes.size(proof.copied_bytes) if proof.copied_bytes is not None else "–",
        took=times.span(seconds) if run.over and run.started_at else "–",
        share=_share(seconds, longest) if run.over else 0,
        unlike=_unlike(run, seconds, about),
    )


def _share(seconds: float, longest: float) -> int:
    return round(WIDTH * min(seconds / longest, 1.0)) if longest else 0


def _unlike(run: Run, seconds: float, about: Usual | None) -> str:
    if about is None or run.state != RunState.COMPLETED:
        return ""
    if seconds > about.high:
        return "longer than usual"
    return "shorter than usual" if seconds < about.low else ""


def rows_for_tables(history: Iterable[Run], group: str = "") -> Iterator[tuple[str, ...]]:
    """Yield the runs of a group for a table program, after the names of the columns."""
    yield COLUMNS
    for run in history:
        if group not in GROUPS or group in groups_of(run):
            yield _cells(run, proof_of(run))


def _cells(run: Run, proof: Proof) -> tuple[str, ...]:
    values: Mapping[str, object] = {
        "number": run.number,
        "id": run.id,
        "state": run.state.value,
        "verified": "yes" if is_verified(run) else "no",
        "why": run.trigger.value,
        "asked_by": run.asked_by,
        "attempts": run.attempt,
        "created_at": times.machine(run.created_at),
        "started_at": times.machine(run.started_at) if run.started_at else "",
        "ended_at": times.machine(run.ended_at) if run.ended_at else "",
        "seconds_at_work": round(seconds_at_work(run), 3) if run.started_at else "",
        "files": proof.files,
        "bytes": proof.bytes,
        "new_bytes": proof.copied_bytes,
        "error": run.error.message if run.error else "",
    }
    return tuple("" if values[name] is None else str(values[name]) for name in COLUMNS)
