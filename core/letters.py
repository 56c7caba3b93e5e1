"""Dead letters: the failed runs that nobody has requeued or discarded yet."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from core.decisions import Decision
from core.fingerprints import fingerprint
from core.models import Run, Value
from core.packed import Packed

BEGINNING: Final = "letter/"
LONGEST_MESSAGE: Final = 2_000


class Letter(Value, frozen=True, kw_only=True):
    """A failed run that waits for somebody; `attempts` is how many were made."""

    run_id: str
    job_id: str
    number: int
    kind: str
    at: datetime
    attempts: int
    code: str = ""
    message: str = ""
    fingerprint: str = ""


from_json: Final = msgspec.json.Decoder(Letter).decode


def leave(decision: Decision, run: Run) -> None:
    """Leave a letter about a run that failed for good."""
    error = run.error
    letter = Letter(
        run_id=run.id,
        job_id=run.job_id,
        number=run.number,
        kind=run.kind,
        at=run.ended_at or decision.now,
        attempts=run.attempt,
        code=error.code if error else "",
        message=error.message[:LONGEST_MESSAGE] if error else "",
        fingerprint=fingerprint(run.kind, error) if error else "",
    )
    decision.set(name_of(run.id), msgspec.to_builtins(letter))


def take_away(decision: Decision, run_id: str) -> bool:
    """Take the letter about a run away; tell whether there was one."""
    there = decision.register(name_of(run_id)) is not None
    decision.set(name_of(run_id), None)
    return there


def name_of(run_id: str) -> str:
    """Return the name of the register of a run's letter."""
    return f"{BEGINNING}{run_id}"


def letter_of(kept: Mapping[str, Any]) -> Letter:
    """Return the letter that a register has; there may be ten thousand."""
    return from_json(kept.json) if isinstance(kept, Packed) else msgspec.convert(dict(kept), Letter)
