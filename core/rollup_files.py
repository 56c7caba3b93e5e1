"""The rollups on the disk: small files of JSON that are written whole, and the runs of hours that are not over yet.

In `metrics/`: `hours-2026-11-21.json` has the hours of a day, `days-2026.json` the days of a year, and
`recent-2026-11-21T07.jsonl` one line for each run that ended in an hour that may still grow. An hour is made from its
lines and put in its day's file before the lines go; made again, it is the same. So a crash at any moment neither loses
an hour nor counts a run twice.
"""

import logging
import os
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from core.rollups import DAY, Depth, Ended, Tally, by_day
from core.storage import atomic

log = logging.getLogger(__name__)

HOURS_KEPT: Final = timedelta(days=45)
DAYS_KEPT: Final = timedelta(days=731)
DAMAGED: Final = ".damaged"

OF_HOURS: Final = re.compile(r"hours-(\d{4}-\d{2}-\d{2})\.json\Z")
OF_DAYS: Final = re.compile(r"days-(\d{4})\.json\Z")
OF_RECENT: Final = re.compile(r"recent-(\d{4}-\d{2}-\d{2}T\d{2})\.jsonl\Z")

tallies_of = msgspec.json.Decoder(list[Tally]).decode
to_json = msgspec.json.Encoder().encode


class Line(msgspec.Struct, omit_defaults=True):
    """A line of an hour that may still grow: a run that ended, how many waited until then, or what it was before.

    An hour that was made can grow again, when a clock is set back.
    """

    ended: Ended | None = None
    depth: Depth | None = None
    before: Tally | None = None


line_of = msgspec.json.Decoder(Line).decode


class RollupFiles:
    """The folder of the rollups. Not thread-safe; reading goes beside writing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> None:
        """Make the folder, and remove what a process left behind when it ended; raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic.sweep(self._folder)

    # Hours that may still grow

    def recent(self) -> dict[datetime, list[Line]]:
        """Return the lines of every hour that was not made yet; a torn last line is left out."""
        found = {}
        for hour, path in self._named(OF_RECENT, "%Y-%m-%dT%H"):
            found[hour] = list(self._lines(path))
        return found

    def append(self, hour: datetime, lines: Iterable[Line]) -> None:
        """Add lines to an hour; raises OSError."""
        content = b"".join(to_json(line) + b"\n" for line in lines)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._recent_path(hour), flags, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            torn = size and os.pread(descriptor, 1, size - 1) != b"\n"
            atomic.write_all(descriptor, b"\n" + content if torn else content)
        finally:
            os.close(descriptor)

    def _lines(self, path: Path) -> Iterator[Line]:
        try:
            content = path.read_bytes()
        except OSError as error:
            log.warning("%s cannot be read: %s", path.name, error)
            return
        for raw in content.split(b"\n"):
            try:
                yield line_of(raw)
            except msgspec.MsgspecError:  # torn by a crash; its run is found again in the store
                continue

    # Hours and days that are over

    def keep_hour(self, tally: Tally) -> None:
        """Put an hour in its place and let go of its lines; raises OSError."""
        path = self._hours_path(tally.at)
        rest = [hour for hour in self._read(path) if hour.at != tally.at]
        self._write(path, [*rest, tally])
        self._recent_path(tally.at).unlink(missing_ok=True)

    def keep_days(self, now: datetime) -> None:
        """Make the days that are over, and let go of what was kept long enough; raises OSError."""
        for day, path in self._named(OF_HOURS, "%Y-%m-%d"):
            if day + DAY <= now and (not self._has(day) or now < day + 2 * DAY):
                self._keep_day(day, by_day(self._read(path)))
            if day < now - HOURS_KEPT:
                path.unlink(missing_ok=True)
        for year, path in self._named(OF_DAYS, "%Y"):
            if year.year < (now - DAYS_KEPT).year:
                path.unlink(missing_ok=True)

    def _has(self, day: datetime) -> bool:
        return any(known.at == day for known in self._read(self._days_path(day)))

    def _keep_day(self, day: datetime, made: list[Tally]) -> None:
        path = self._days_path(day)
        known = self._read(path)
        rest = [one for one in known if one.at != day]
        if (new := [one for one in made if one.at == day]) and new != [one for one in known if one.at == day]:
            self._write(path, [*rest, *new])

    # Reading

    def hours(self, since: datetime, until: datetime) -> list[Tally]:
        """Return the hours that are over and began in this time, the oldest first."""
        found = [
            hour
            for day, path in self._named(OF_HOURS, "%Y-%m-%d")
            if since - DAY < day < until
            for hour in self._read(path)
            if since <= hour.at < until
        ]
        return sorted(found, key=lambda hour: hour.at)

    def hour(self, at: datetime) -> Tally | None:
        """Return the hour that began then; None while it is not over, or when it was never counted."""
        return next((hour for hour in self._read(self._hours_path(at)) if hour.at == at), None)

    def days(self, since: datetime, until: datetime) -> dict[datetime, Tally]:
        """Return the days that were made and began in this time."""
        return {
            day.at: day
            for year, path in self._named(OF_DAYS, "%Y")
            if since.year <= year.year <= until.year
            for day in self._read(path)
            if since <= day.at < until
        }

    def days_with_hours(self) -> list[datetime]:
        """Return the days of which the hours are there."""
        return [day for day, _ in self._named(OF_HOURS, "%Y-%m-%d")]

    def _read(self, path: Path) -> list[Tally]:
        try:
            return tallies_of(path.read_bytes())
        except FileNotFoundError:
            return []
        except OSError as error:
            log.warning("%s cannot be read: %s", path.name, error)
            return []
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("%s is damaged and is put aside: %s", path.name, error)
            self._put_aside(path)
            return []

    @staticmethod
    def _put_aside(path: Path) -> None:
        try:
            path.replace(path.with_name(path.name + DAMAGED))
        except OSError as error:
            log.warning("%s could not be put aside: %s", path.name, error)

    @staticmethod
    def _write(path: Path, tallies: list[Tally]) -> None:
        ordered = sorted(tallies, key=lambda tally: tally.at)
        atomic.write_whole(path, b"[" + b",\n".join(map(to_json, ordered)) + b"]\n")

    def _named(self, pattern: re.Pattern[str], form: str) -> list[tuple[datetime, Path]]:
        """Return the files of such a name with the moment that it tells, the oldest first."""
        named = ((pattern.match(path.name), path) for path in self._folder.glob("*-*.json*"))
        dated = ((_moment(match[1], form), path) for match, path in named if match)
        return sorted((moment, path) for moment, path in dated if moment is not None)

    def _recent_path(self, hour: datetime) -> Path:
        return self._folder / f"recent-{hour:%Y-%m-%dT%H}.jsonl"

    def _hours_path(self, moment: datetime) -> Path:
        return self._folder / f"hours-{moment:%Y-%m-%d}.json"

    def _days_path(self, moment: datetime) -> Path:
        return self._folder / f"days-{moment:%Y}.json"


def _moment(text: str, form: str) -> datetime | None:
    """Return the moment that a name tells; None for a date that never was."""
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None
