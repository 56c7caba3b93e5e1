"""What a run's result proves, in numbers and in one sentence."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from core.facts import can_prove
from core.models import Job, Run, Value
from core.states import RunState
from fastapi_app.presenters.states import is_about, is_verified

__all__ = [
    "Proof",
    "can_prove",
    "newest_verified",
    "proof_of",
    "proved_at",
]


class Proof(Value, frozen=True, kw_only=True):
    """What a run has to show; None where it does not say."""

    sentence: str = ""
    files: int | None = None
    bytes: int | None = None
    copied_files: int | None = None
    copied_bytes: int | None = None
    files_aside: str = ""


def proof_of(run: Run) -> Proof:
    """Return what the run's result says; empty while there is none."""
    result = run.result or {}
    unchanged = _number(result, "unchanged")
    return Proof(
        sentence=_sentence(run),
        files=_number(result, "files"),
        bytes=_number(result, "bytes"),
        copied_files=_number(result, "copied"),
        copied_bytes=_number(result, "copied_bytes"),
        files_aside=f"{unchanged:,} were the same already" if unchanged else "",
    )


def _sentence(run: Run) -> str:
    """Return what the comparison proved; a run that did not end well proves nothing as a whole."""
    verification = (run.result or {}).get("verification")
    if run.state != RunState.COMPLETED or not isinstance(verification, Mapping):
        return ""
    return str(verification.get("sentence") or "")


def _number(result: Mapping[str, object], name: str) -> int | None:
    value = result.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def newest_verified(job: Job, runs: Sequence[Run]) -> Run | None:
    """Return the latest run that proved the copy which the job keeps; `runs` has the newest first.

    A run from before an edit proved another place, and says nothing of today's.
    """
    return next((run for run in runs if is_verified(run) and is_about(run, job)), None)


def proved_at(run: Run | None) -> datetime | None:
    """Return when the copy was proved."""
    return run.ended_at if run else None
