"""Whether a backup is as new and as large as it should be. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from core.models import Value
from core.sizes import size
from core.spans import span
from core.watching.files import SECOND, Seen

AHEAD_SECONDS: Final = 600
"""How far in the future a file may be dated: clocks differ."""

PERCENT: Final = 100


class Expected(Value, frozen=True, kw_only=True):
    """What a backup should be like. `smallest` is bytes of the newest; percents are against what the run before measured."""

    newest_within: float
    smallest: int = 0
    most_growth: float | None = None
    most_shrink: float | None = None


class Measured(Value, frozen=True, kw_only=True):
    """The newest file, what is measured of it or of all, and how many are dated in the future and so tell nothing."""

    newest: Seen | None
    files: int
    bytes: int
    ahead: int = 0

    def age(self, now_ns: int) -> float:
        """Return how old the newest is, in seconds."""
        return (now_ns - self.newest.mtime_ns) / SECOND if self.newest is not None else 0.0


def measured(found: Sequence[Seen], now_ns: int) -> Measured:
    """Return what was found; what is dated in the future is no witness of how new the backup is."""
    dated = [one for one in found if one.mtime_ns <= now_ns + AHEAD_SECONDS * SECOND]
    newest = max(dated, key=lambda one: (one.mtime_ns, one.name), default=None)
    return Measured(
        newest=newest, files=len(found), bytes=sum(one.size for one in found), ahead=len(found) - len(dated)
    )


def problems_of(
    expected: Expected, this: Measured, now_ns: int, *, amount: int, before: int | None, what: str
) -> list[str]:
    """Return what is wrong with a backup, in words; `amount` is measured of `what` now, and was `before` last time."""
    if this.newest is None:
        ahead = f" {this.ahead:,} are dated in the future, and tell nothing." if this.ahead else ""
        return [f"There is no backup: nothing was found that is meant.{ahead}"]
    found = []
    age = this.age(now_ns)
    if age > expected.newest_within:
        found.append(
            f"The newest backup is {span(age)} old; it should be at most {span(expected.newest_within)}. "
            f"It is {this.newest.name} of {told(this.newest.mtime_ns)}."
        )
    if this.newest.size < expected.smallest:
        found.append(
            f"The newest backup {this.newest.name} has {size(this.newest.size)}; "
            f"it should have {size(expected.smallest)} at least."
        )
    return found + _changes(expected, amount, before, what)


def _changes(expected: Expected, amount: int, before: int | None, what: str) -> list[str]:
    if not before:
        return []
    change = (amount - before) / before * PERCENT
    words = f"{what} {size(amount)}; last time it was {size(before)}"
    if expected.most_growth is not None and change > expected.most_growth:
        return [f"{words}: {change:,.0f} % more, and {expected.most_growth:g} % at most is expected."]
    if expected.most_shrink is not None and -change > expected.most_shrink:
        return [f"{words}: {-change:,.0f} % less, and {expected.most_shrink:g} % at most is expected."]
    return []


def told(time_ns: int) -> str:
    """Return a time for people."""
    return f"{datetime.fromtimestamp(time_ns / SECOND, UTC):%Y-%m-%d %H:%M} UTC"
