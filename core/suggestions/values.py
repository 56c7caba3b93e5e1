"""What was found on the machine, and what it would be here."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from core.imports.values import SourceType
from core.models import NOTHING, Schedule, Value

Origin = Literal["crontab", "timer", "rclone", "restic"]
MOST: Final = 100
"""Suggestions of one source; whoever has more imports a file."""


def counted(count: int, one: str, many: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {one if count == 1 else many}"


class Suggestion(Value, frozen=True, kw_only=True):
    """Something that could be a job here. `id` is made from what was found, and stays while that does.

    `said` is what stands there, empty where it seems to have a secret in it. With a `kind` it can be filled in at once;
    `importable` is the text that an import would read instead, because a destination has to be made first; `remarks`
    say what has to be seen to.
    """

    id: str
    origin: Origin
    place: str
    title: str
    said: str = ""
    name: str = ""
    kind: str = ""
    options: Mapping[str, object] = NOTHING
    schedule: Schedule | None = None
    importable: str = ""
    source: SourceType | None = None
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return it without what may have a secret in it."""
        return f"Suggestion({self.origin!r}, {self.place!r})"


class Looked(Value, frozen=True, kw_only=True):
    """One look at the machine. `places` is each that was looked at, with what came of it."""

    at: datetime
    suggestions: tuple[Suggestion, ...]
    places: tuple[tuple[str, str], ...]
