"""Whether too many of the last day's runs failed."""

from collections.abc import Sequence
from typing import Final

from core.rollups import Hour
from core.usual import PERCENT

FEWEST_JUDGED: Final = 5


def alert_of(day: Sequence[Hour], alert_at: int) -> str:
    """Return in words that too many failed, nothing where not; `alert_at` is from how many percent on, 0 is never."""
    failed = sum(hour.failed for hour in day)
    judged = failed + sum(hour.completed for hour in day)
    if not alert_at or judged < FEWEST_JUDGED or failed * PERCENT < alert_at * judged:
        return ""
    percent = f"{failed / judged * PERCENT:.0f}"
    return f"{percent} % of the runs of the last 24 hours failed; {alert_at} % is worth a look."
