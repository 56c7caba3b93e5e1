"""Time zones: names of the IANA list, this machine's own, and when their clocks are changed."""

import os
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from core.models import Value

LOCAL_TIME: Final = Path("/etc/localtime")
DAY: Final = timedelta(days=1)
SECOND: Final = timedelta(seconds=1)


class ClockChange(Value, frozen=True, kw_only=True):
    """A moment at which the clocks of a zone go from `before` ahead of UTC to `after`."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def forward(self) -> bool:
        """Tell whether a span of local time is left out; otherwise one comes twice."""
        return self.after > self.before

    @property
    def wall_before(self) -> datetime:
        """Return what the clock is about to show when it is changed, without a zone."""
        return self.at.replace(tzinfo=None) + self.before

    @property
    def wall_after(self) -> datetime:
        """Return what it shows instead, without a zone."""
        return self.at.replace(tzinfo=None) + self.after


def zone_named(name: str) -> ZoneInfo | None:
    """Return the zone of a name, this machine's for an empty one; None when there is no such zone."""
    try:
        return ZoneInfo(name or own_zone_name())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def near_names(name: str) -> list[str]:
    """Return up to three names of zones that resemble a name."""
    known = available_timezones()
    ends = {zone.rpartition("/")[2].casefold(): zone for zone in known}
    wanted = name.strip().replace(" ", "_")
    if (exact := ends.get(wanted.casefold().rpartition("/")[2])) is not None:
        return [exact]
    return get_close_matches(wanted, known, n=3)


@lru_cache(1)
def own_zone_name() -> str:
    """Return the name of this machine's zone."""
    return find_own_zone(os.environ, LOCAL_TIME)


def find_own_zone(environment: Mapping[str, str], local_time: Path) -> str:
    """Return the zone that TZ names, or else the one that the link leads to; UTC when neither tells."""
    named = environment.get("TZ", "").removeprefix(":")
    linked = str(local_time.resolve()).partition("zoneinfo/")[2]
    for name in (named, linked.removeprefix("posix/").removeprefix("right/")):
        if name and zone_named(name) is not None:
            return name
    return "UTC"


def changes_between(zone: ZoneInfo, start: datetime, end: datetime) -> tuple[ClockChange, ...]:
    """Return the changes of the clocks after `start` up to and with `end`."""
    years = range(start.year, min(end.year, start.year + 100) + 1)
    return tuple(change for year in years for change in _changes_in(zone, year) if start < change.at <= end)


@lru_cache(2_000)
def _changes_in(zone: ZoneInfo, year: int) -> tuple[ClockChange, ...]:
    moment = datetime(year, 1, 1, tzinfo=UTC) - SECOND
    changes = []
    for _ in range(366):
        later = moment + DAY
        if offset(zone, moment) != offset(zone, later):
            change = _change_in(zone, moment, later)
            if change.at.year == year:
                changes.append(change)
        moment = later
    return tuple(changes)


def _change_in(zone: ZoneInfo, start: datetime, end: datetime) -> ClockChange:
    """Return the change in a span that has one."""
    before = offset(zone, start)
    while end - start > SECOND:
        middle = start + timedelta(seconds=(end - start) // SECOND // 2)
        if offset(zone, middle) == before:
            start = middle
        else:
            end = middle
    return ClockChange(at=end, before=before, after=offset(zone, end))


def offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    """Return how far the zone is ahead of UTC at a moment."""
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def moment_of(zone: ZoneInfo, day: date, wall: time, *, last: bool = False) -> datetime:
    """Return when a local time of a day is; one that is left out is at the change, one that comes twice the first.

    `last` asks for the second of the two.
    """
    local = datetime.combine(day, wall)
    moment = local.replace(tzinfo=zone, fold=int(last)).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == local:
        return moment
    changes = changes_between(zone, moment - DAY, moment + DAY)
    left_out = (change for change in changes if change.wall_before <= local < change.wall_after)
    return next((change.at for change in left_out), moment)
