"""The backups of Holdfast's own state: one a day by itself, some of each day and week kept."""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from core.clock import Clock
from core.errors import StorageFailed
from core.storage import atomic
from core.storage.archive import BadArchive, Facts, Told
from core.storage.marker import read_marker
from core.storage.old_segments import kept_segments
from core.storage.own_backup import KIND, NAMED, OwnBackup, Source, backup_name, sweep_backups, take_backup
from core.storage.unpacking import facts_of

log = logging.getLogger(__name__)

DUE_AFTER: Final = timedelta(hours=24)
AHEAD: Final = timedelta(hours=1)
"""A backup that is further ahead of the clock does not count as the newest: the clock was set back since."""

KEPT_DAYS: Final = 7
KEPT_WEEKS: Final = 4


class Kept(NamedTuple):
    """A backup that is there, what it says it is, and how large it is."""

    path: Path
    facts: Facts
    size: int

    @property
    def made_at(self) -> datetime:
        """Return when it was made."""
        return datetime.fromtimestamp(self.facts.taken / 1000, UTC)


class OwnBackups:
    """Takes them and lets go of them; `source` is asked for when one is taken.

    `most_bytes` is what all of them may take together; the newest is kept whatever it takes.
    """

    def __init__(
        self, place: Path, data: Path, clock: Clock, source: Callable[[], Source], *, most_bytes: int
    ) -> None:
        self.place = place
        self._data = data
        self._clock = clock
        self._source = source
        self.most_bytes = most_bytes

    def take(self, *, with_logs: bool = False, told: Told | None = None) -> OwnBackup:
        """Take one now; raises StorageFull or StorageFailed."""
        self._see_to_the_place()
        taken = take_backup(self._source(), self._target(), self._clock, with_logs=with_logs, told=told)
        log.info("backed up the state of Holdfast itself: %s", taken.path)
        self.prune(but=Path(taken.path))
        return taken

    def take_when_due(self) -> None:
        """Take one if the newest is a day old; also the first one, as soon as there is a job."""
        now = self._clock.now()
        newest = next((kept for kept in self.kept() if kept.made_at <= now + AHEAD), None)
        if newest is None:
            jobs, _ = self._source().count()
            due = jobs > 0
        else:
            due = now - newest.made_at >= DUE_AFTER
        if due:
            self.take()

    def kept(self) -> list[Kept]:
        """Return what is there, the newest first; what is no backup of this store is none."""
        marker = read_marker(self._data / "store.yaml")
        return sorted(
            (kept for kept in _kept_in(self.place) if marker and kept.facts.store == marker.store),
            key=lambda kept: kept.facts.taken,
            reverse=True,
        )

    def prune(self, but: Path | None = None) -> None:
        """Let go of the backups, and of the old journal, that were kept long enough; `but` this one."""
        kept = self.kept()
        staying = _staying(kept, self.most_bytes)
        for one in kept:
            if one not in staying and one.path != but:
                one.path.unlink(missing_ok=True)
                log.info("%s has been kept long enough", one.path)
        if staying:
            self._prune_segments(min(one.facts.segment for one in staying))

    def _prune_segments(self, needed: int) -> None:
        """Remove the segments that lead on from no backup any more."""
        for segment, paths in kept_segments(self._data / "backups" / "segments").items():
            if segment < needed:
                for path in paths:
                    path.unlink(missing_ok=True)

    def _target(self) -> Path:
        names = (backup_name(self._clock, number) for number in count(1))
        return next(self.place / name for name in names if not (self.place / name).exists())

    def _see_to_the_place(self) -> None:
        with atomic.storage_errors("The backup of the store could not be made"):
            if not self.place.is_dir() and not self.place.is_relative_to(self._data):
                raise StorageFailed(
                    f"The folder for backups {self.place} is not there.",
                    hint="If it is on a disk of its own, that may not be mounted; otherwise make the folder.",
                )
            self.place.mkdir(mode=0o700, parents=True, exist_ok=True)
            sweep_backups(self.place)


def _kept_in(place: Path) -> Iterator[Kept]:
    try:
        paths = [path for path in place.iterdir() if NAMED.match(path.name)]
    except OSError:
        return
    for path in paths:
        try:
            facts = facts_of(path)
            if facts.kind == KIND:
                yield Kept(path, facts, path.stat().st_size)
        except (BadArchive, OSError) as error:
            log.warning("%s is no whole backup, and is left alone: %s", path, error)


def _staying(kept: Iterable[Kept], most_bytes: int) -> list[Kept]:
    """Return which stay of some, the newest first: one a day, one a week, as far as there is room."""
    days: set[object] = set()
    weeks: set[object] = set()
    staying: list[Kept] = []
    room = most_bytes
    for one in kept:
        day, week = one.made_at.date(), one.made_at.isocalendar()[:2]
        of_a_day = day not in days and len(days) < KEPT_DAYS
        of_a_week = week not in weeks and len(weeks) < KEPT_WEEKS
        if staying and not ((of_a_day or of_a_week) and one.size <= room):
            continue
        days.add(day)
        weeks.add(week)
        room -= one.size
        staying.append(one)
    return staying
