"""What a copy is asked for, and what it asks of the run it belongs to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from core.models import Progress


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be copied, and how it is to be proved; whatever has one of `own_names` is left out wherever it stands."""

    source: Path
    destination: Path
    verify: Literal["full", "sample", "fast"] = "full"
    content: bool = False
    patterns: tuple[str, ...] = ()
    own_names: tuple[str, ...] = ()
    bandwidth_limit: int | None = None
    bandwidth_times: tuple[str, ...] = ()
    confidence: float = 0.95
    good_share: float = 0.99


class Control(Protocol):
    """What a copy asks of the run it belongs to."""

    @property
    def workspace(self) -> Path:
        """Return a folder of the run's own."""
        ...

    @property
    def checkpoint(self) -> Mapping[str, Any]:
        """Return what the attempt before this one last reported."""
        ...

    @property
    def asked(self) -> str | None:
        """Return what the copy is asked to do, if anything."""
        ...

    def raise_if_asked(self) -> None:
        """Raise if the copy is asked to stop."""
        ...

    def report(self, progress: Progress, checkpoint: Mapping[str, Any] | None = None, /) -> None:
        """Tell how far it is."""
        ...

    def info(self, message: str) -> None:
        """Write a line to the run's log."""
        ...

    def warn(self, message: str) -> None:
        """Write a warning to the run's log."""
        ...

    def error(self, message: str) -> None:
        """Write an error to the run's log."""
        ...


class Report(msgspec.Struct, frozen=True):
    """What a copy has to show."""

    result: dict[str, Any]
    warnings: tuple[str, ...]


class Stopped(Exception):
    """The copy was asked to stop and did."""
