"""What guards remember: from run to run of a job, and within one run over its attempts and restarts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from core.destinations.marker import Marker
from core.errors import StorageFailed
from core.guards.clocks import Reading
from core.guards.looking import Look
from core.guards.places import Standing
from core.guards.usual import KEPT, Counted
from core.models import Value
from core.packed import thawed
from core.storage import atomic
from core.work import Question, RunContext

NOTE: Final = "guards"
FILE: Final = "guards.json"


class Memory(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What earlier runs of the job saw. What they saw of another source, another place or by other rules of what to leave out is not kept.

    `ended_ns` is the time at which the newest of them noted this.
    """

    source: str = ""
    target: str = ""
    rules: str = ""
    look: Look | None = None
    runs: tuple[Counted, ...] = ()
    stands: Standing | None = None
    place: Standing | None = None
    marker: Marker | None = None
    ended_ns: int = 0

    def of(self, source: str, target: str, rules: str) -> "Memory":
        """Return what of it holds for a run that goes from here to there by these rules."""
        here = source == self.source
        there = target == self.target
        return Memory(
            source=source,
            target=target,
            rules=rules,
            look=self.look if here else None,
            runs=self.runs if here and there and rules == self.rules else (),
            stands=self.stands if here else None,
            place=self.place if there else None,
            marker=self.marker if there else None,
            ended_ns=self.ended_ns,
        )

    def earlier_than(self, run: str) -> tuple[Counted, ...]:
        """Return what the runs before this one counted, the newest last."""
        return tuple(one for one in self.runs if one.run != run)[-KEPT:]


class State(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What a run has found so far; `passed` is the attempt that may go on, `agreed` what a person let pass.

    `held` is what the run asked, as long as nothing else was decided, and `asked` what that was about; `allowed` how
    many files a mirror may remove without asking, None as many as it likes; `target` is where the copy goes, in words.
    `above` is the folder nearest to the copy that was there when the run began, and `disk` where that stood.
    """

    passed: int = 0
    agreed: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    held: Question | None = None
    target: str = "the destination"
    began: Reading | None = None
    look: Look | None = None
    stands: Standing | None = None
    place: Standing | None = None
    above: str = ""
    disk: Standing | None = None
    allowed: int | None = None
    warnings: tuple[str, ...] = ()


def remembered(context: RunContext) -> Memory:
    """Return what earlier runs noted; nothing where that cannot be read."""
    note: Mapping[str, Any] = context.note(NOTE)
    try:
        return msgspec.convert(thawed(note), Memory)
    except msgspec.ValidationError:
        return Memory()


def remember(context: RunContext, memory: Memory) -> None:
    """Note it for the runs to come."""
    context.take_note(NOTE, msgspec.to_builtins(memory))


def state_of(context: RunContext) -> State:
    """Return what this run has found so far."""
    try:
        return msgspec.json.decode(_path(context).read_bytes(), type=State)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return State()


def keep_state(context: RunContext, state: State) -> None:
    """Keep what this run has found. Raises StorageFailed."""
    try:
        atomic.write_whole(_path(context), msgspec.json.encode(state))
    except OSError as error:
        message = f"What the guards found cannot be kept: {error.strerror}."
        raise StorageFailed(message) from error


def _path(context: RunContext) -> Path:
    return context.workspace / FILE
