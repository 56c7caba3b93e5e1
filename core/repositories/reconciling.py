"""What became of the snapshots that runs made: what a repository lists is held against what was known before.

A run that is over never changes, so what is found out later stands in the register `snapshots/<destination>`: a snapshot
that restic finished although its run was lost, and one that somebody has deleted since.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, Self

import msgspec

from core.models import Moment, Value
from core.packed import thawed
from core.repositories.snapshots import Snapshot

REGISTER: Final = "snapshots/"
MOST_GONE: Final = 1_000


class Gone(NamedTuple):
    """A snapshot that is not in the repository any more, and when that was first seen."""

    snapshot: str
    since: datetime


class Known(NamedTuple):
    """What a repository had of our runs when it was last looked at: by run, the snapshot that is there or gone."""

    at: datetime
    there: Mapping[str, str]
    gone: Mapping[str, Gone]

    @classmethod
    def kept(cls, value: Mapping[str, Any] | None) -> Self | None:
        """Return what a register holds; None where there is none, or it makes no sense."""
        try:
            return None if value is None else cls._read(msgspec.convert(thawed(value), _Kept, strict=False))
        except msgspec.ValidationError:
            return None

    @classmethod
    def _read(cls, kept: "_Kept") -> Self:
        return cls(
            kept.at, kept.there, {run: Gone(one.snapshot, one.since) for run, one in kept.gone.items()}
        )

    @property
    def as_register(self) -> dict[str, Any]:
        """Return it as a register holds it."""
        gone = {
            run: {"snapshot": one.snapshot, "since": one.since.isoformat()} for run, one in self.gone.items()
        }
        return {"at": self.at.isoformat(), "there": dict(self.there), "gone": gone}


class _KeptGone(msgspec.Struct):
    snapshot: str
    since: datetime


class _Kept(msgspec.Struct):
    at: datetime
    there: dict[str, str] = {}
    gone: dict[str, _KeptGone] = {}


class Standing(Value, frozen=True, kw_only=True):
    """What became of a run's snapshot; `since` is when it was first seen to be gone."""

    state: Literal["found", "gone"]
    snapshot: str
    since: Moment | None = None

    @property
    def sentence(self) -> str:
        """Return it for people; empty where the run knew all of it."""
        if self.state == "gone":
            return (
                f"Gone from the repository since {self.since:%Y-%m-%d}."
                if self.since
                else "Gone from the repository."
            )
        return ""


def followed_by(before: Known | None, listed: Sequence[Snapshot], now: datetime) -> Known:
    """Return what is known after another look; `listed` are all snapshots that bear our tag."""
    there = {one.run: one.id for one in listed if one.run}
    if before is None:
        return Known(at=now, there=there, gone={})
    lost = {run: snapshot for run, snapshot in before.there.items() if run not in there}
    gone = {run: one for run, one in before.gone.items() if run not in there}
    gone |= {run: Gone(snapshot=snapshot, since=now) for run, snapshot in lost.items()}
    newest = sorted(gone.items(), key=lambda item: item[1].since)[-MOST_GONE:]
    return Known(at=now, there=there, gone=dict(newest))


def standing_of(
    registers: Iterable[Mapping[str, object]], run_id: str, reported: str, ended_at: datetime | None
) -> Standing | None:
    """Return what became of the snapshot of a run that is over; None where nobody has looked since.

    `registers` are those of every repository, or of the only one that the run can have written to; `reported` is the
    snapshot that the run itself knows of, empty where it was lost before that.
    """
    looked = [known for register in registers if (known := Known.kept(register)) is not None]
    for known in looked:
        if snapshot := known.there.get(run_id):
            return Standing(state="found", snapshot=snapshot)
    for known in looked:
        if one := known.gone.get(run_id):
            return Standing(state="gone", snapshot=one.snapshot, since=one.since)
    if not reported or ended_at is None or len(looked) != 1 or looked[0].at <= ended_at:
        return None
    return Standing(state="gone", snapshot=reported, since=looked[0].at)
