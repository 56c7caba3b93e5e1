"""Snapshots of a repository as restic lists them, and which of them a run of ours made."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from core.models import Value

TAG: Final = "holdfast"


class Snapshot(Value, frozen=True, kw_only=True):
    """A snapshot: when it was begun, of what, on which host."""

    id: str
    time: datetime
    paths: tuple[str, ...] = ()
    hostname: str = ""
    tags: tuple[str, ...] = ()

    def tagged(self, name: str) -> str:
        """Return what a tag "name=value" says; empty where there is none."""
        return next((tag.partition("=")[2] for tag in self.tags if tag.startswith(f"{name}=")), "")

    @property
    def run(self) -> str:
        """Return the run of ours that made it; empty where none did."""
        return self.tagged("run") if TAG in self.tags else ""

    @property
    def since_ns(self) -> int:
        """Return when it was begun, on the clock of the system, in nanoseconds."""
        return int(self.time.timestamp() * 1_000_000_000)


def snapshots_in(text: str) -> tuple[Snapshot, ...]:
    """Return the snapshots that restic lists as JSON, the oldest first; raises ValueError."""
    try:
        found = msgspec.json.decode(text.encode(), type=list[dict[str, Any]] | None) or []
        return tuple(sorted((_snapshot(plain) for plain in found), key=lambda one: one.time))
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        message = "this is no list of snapshots"
        raise ValueError(message) from error


def _snapshot(plain: dict[str, Any]) -> Snapshot:
    head, point, rest = str(plain["time"]).partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    moment = f"{head}.{rest[:digits][:6]:0<6}{rest[digits:]}" if point else head
    return Snapshot(
        id=str(plain["id"]),
        time=datetime.fromisoformat(moment).astimezone(UTC),
        paths=tuple(map(str, plain.get("paths") or ())),
        hostname=str(plain.get("hostname", "")),
        tags=tuple(map(str, plain.get("tags") or ())),
    )


def tags_of(run_id: str, job_id: str) -> tuple[str, ...]:
    """Return the tags by which a snapshot is known as ours, and whose it is."""
    return (TAG, f"run={run_id}", f"job={job_id}")


def finished(
    snapshots: Iterable[Snapshot], run_id: str, path: str, incomplete: Iterable[str]
) -> Snapshot | None:
    """Return the newest snapshot that a run made of a path and that is whole as far as is known; None where there is none."""
    bad = tuple(incomplete)
    found = [
        one
        for one in snapshots
        if one.run == run_id and one.paths == (path,) and not any(one.id.startswith(short) for short in bad)
    ]
    return found[-1] if found else None
