"""Hearing out the program that tells what the built-in copy would do."""

from typing import Any, Final

import msgspec

from core.copying.trial import TrialWishes
from core.errors import EngineFailed, StorageFailed
from core.processes.orders import Order, Stream
from core.processes.ours import argv_of
from core.sizes import size
from core.work import Outcome, RunContext

PROGRAM: Final = "core.copying.trial"
ENVIRONMENT: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


def trial_of(context: RunContext, wishes: TrialWishes) -> Outcome:
    """Return what a copy would do; raises EngineFailed where the source cannot be read, RunStopped when asked to stop."""
    path = context.workspace / "trial.json"
    try:
        path.write_bytes(msgspec.json.encode(wishes))
    except OSError as error:
        message = f"What to look at cannot be kept: {error.strerror}."
        raise StorageFailed(message) from error
    hearing = _Hearing()
    ending = context.execute(
        Order(argv=argv_of(PROGRAM, str(path)), folder="/", environment=ENVIRONMENT),
        hearing.hear,
        name="trial",
    )
    if ending.code != 0 or hearing.counts is None:
        message = hearing.said or "What a run would do could not be found out."
        raise EngineFailed(message, hint="Look at the source, then try again.")
    return hearing.outcome(hearing.counts)


class _Hearing:
    """Takes the changes one by one, and the counts at the end."""

    def __init__(self) -> None:
        self.changes: list[list[str]] = []
        self.counts: dict[str, int] | None = None
        self.said = ""

    def hear(self, stream: Stream, line: str) -> bool:
        """Take a line; what the program tells of changes is no part of a log."""
        if stream == "err":
            self.said = line
            return True
        told: dict[str, Any] = msgspec.json.decode(line)
        if "change" in told:
            self.changes.append(told["change"])
        self.counts = told.get("done", self.counts)
        return False

    def outcome(self, counts: dict[str, int]) -> Outcome:
        """Return it as trials say it."""
        new, changed, many = (counts.get(name, 0) for name in ("new", "changed", "bytes"))
        sentence = "A run would change nothing: the destination has it all."
        if new or changed:
            sentence = f"A run would make {new:,} new and change {changed:,}, and carry {size(many)}."
        unreadable = counts.get("unreadable", 0)
        warnings = (f"{unreadable:,} of the source cannot be read; a run would fail and name them.",)
        result = {
            "trial": True,
            "sentence": sentence,
            "new": new,
            "changed": changed,
            "removed": 0,
            "bytes": many,
            "changes": self.changes,
        }
        return Outcome(result=result, warnings=warnings if unreadable else ())
