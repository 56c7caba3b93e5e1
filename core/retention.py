"""How long runs and logs are kept: pure decisions about what goes.

Nothing goes that is still of use: of a job its latest run, every run that is not over, and the newest
one that proved its copy stay for as long as the job, and a failed run until somebody has seen to it.
"""

from collections.abc import Container, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from core.models import Run, Value
from core.states import RunState


class Keeping(Value, frozen=True, kw_only=True):
    """What is kept at least: of each job that many runs, and every run that is younger than that.

    Of logs it is what is kept at most: none that is older, and no more bytes of all together.
    """

    runs: int = 50
    runs_for: timedelta = timedelta(days=400)
    logs_for: timedelta = timedelta(days=400)
    log_bytes: int = 2_000_000_000


class KeptLog(Value, frozen=True, kw_only=True):
    """The log of a run as it lies on the disk."""

    run_id: str
    bytes: int
    written_at: datetime


def runs_to_forget(
    runs: Sequence[Run], keeping: Keeping, now: datetime, unhandled: Container[str] = ()
) -> tuple[Run, ...]:
    """Return which runs of one job go, the newest first; `unhandled` are the dead letters, which stay."""
    ordered = sorted(runs, key=lambda run: run.number, reverse=True)
    proved = next((run.id for run in ordered if has_proved(run)), None)
    surplus = ordered[max(keeping.runs, 1) :]
    before = now - keeping.runs_for
    old = (run for run in surplus if run.over and _ended_at(run) < before)
    return tuple(run for run in old if run.id != proved and run.id not in unhandled)


def has_proved(run: Run) -> bool:
    """Tell whether the run ended with its copy compared and found good."""
    return run.state == RunState.COMPLETED and bool(run.result and run.result.get("verified"))


def _ended_at(run: Run) -> datetime:
    return run.ended_at or run.created_at


def logs_to_forget(
    logs: Iterable[KeptLog], in_use: AbstractSet[str], keeping: Keeping, now: datetime
) -> tuple[KeptLog, ...]:
    """Return which logs go: those too old, then the oldest until the rest is small enough.

    Those of the runs `in_use` stay, and count.
    """
    newest_first = sorted(logs, key=lambda kept: kept.written_at, reverse=True)
    before, room = now - keeping.logs_for, keeping.log_bytes
    room -= sum(kept.bytes for kept in newest_first if kept.run_id in in_use)
    gone = []
    for kept in newest_first:
        if kept.run_id in in_use:
            continue
        room -= kept.bytes
        if room < 0 or kept.written_at < before:
            gone.append(kept)
    return tuple(gone)
