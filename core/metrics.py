"""What all runs amount to: counted as they end, kept as rollups, so that a year is cheap to read.

A run counts in the hour in which it ended, exactly once, whatever crashes: what is not on the disk yet is found again
in the store at the next start.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from core.clock import Clock
from core.events import Event, EventsMissed, RunMoved
from core.models import Run
from core.rollup_files import Line, RollupFiles
from core.rollups import (
    DAY,
    HOUR,
    Depth,
    Ended,
    Hour,
    Span,
    Tally,
    by_day,
    ended_of,
    hour_of,
    start_of,
    summed,
)

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 5.0
"""Seconds between two looks at how many wait, and two times that what ended is written."""

GROWS_FOR: Final = timedelta(minutes=10)
"""How long after its end an hour may still grow: what ended in its last moment may be told of a little later."""

HOURS_OF_A_DAY: Final = 24


class OpenHour:
    """An hour that may still grow; `before` is what it was when it was thought to be over."""

    def __init__(self, at: datetime, before: Tally | None = None) -> None:
        self.tally = summed([before] if before else [], at)
        self.was_over = before is not None
        self.seen: set[str] = set()
        self.unwritten = [Line(before=before)] if before else []

    def take(self, ended: Ended) -> bool:
        """Count a run unless it was counted; tell whether it was not."""
        if ended.id in self.seen:
            return False
        self.tally.add(ended)
        self.unwritten.append(Line(ended=ended))
        return True

    def take_up(self, lines: Iterable[Line]) -> None:
        """Count what was written before."""
        for line in lines:
            if line.before is not None:
                self.was_over = True
                self.tally.merge(line.before)
            if line.ended is not None and line.ended.id not in self.seen:
                self.seen.add(line.ended.id)
                self.tally.add(line.ended)
            if line.depth is not None:
                self.tally.depth = line.depth

    def handed_over(self) -> list[Line]:
        """Return what is to be written; that is no longer unwritten then."""
        lines, self.unwritten = self.unwritten, []
        if lines:
            depth = self.tally.depth
            lines.append(Line(depth=Depth(looks=depth.looks, sum=depth.sum, most=depth.most)))
        return lines


class Metrics:
    """Counts, keeps and tells. Safe to use from several threads.

    `runs` gives the runs at hand, the last day's among them, and `waiting` says how many wait for a slot.
    """

    def __init__(
        self, folder: Path, clock: Clock, runs: Callable[[], Iterable[Run]], waiting: Callable[[], int]
    ) -> None:
        self._files = RollupFiles(folder)
        self._clock = clock
        self._runs = runs
        self._waiting = waiting
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._open: dict[datetime, OpenHour] = {}
        self._lately: dict[datetime, Tally] = {}
        """The hours of the last day that are over, so that looking at it needs no file."""
        self._missed = False
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble = ""
        self._since_start = Tally(at=clock.now())
        self.on_count: Callable[[], object] = lambda: None
        """Is told of each run that was counted."""
        self._course_at: datetime | None = None
        self._course: dict[datetime, Hour] = {}
        self._older: dict[datetime, Hour] | None = None

    @property
    def trouble(self) -> str:
        """Return why figures could not be written the last time; nothing if they could."""
        return self._trouble

    def start(self) -> None:
        """Take up what was counted, then look and write in a thread of its own."""
        self._guarded(self._files.open)
        self.take_up()
        self._ending.clear()
        self._thread = threading.Thread(target=self._keep_going, name="metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what was counted, and end."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self.write()

    def take_up(self) -> None:
        """Count what was written, and what ended since then and was not."""
        runs = tuple(self._runs())
        with self._lock:
            heard = [line.ended for hour in self._open.values() for line in hour.unwritten if line.ended]
            recent = self._files.recent()
            self._open = {at: OpenHour(at) for at in recent}
            for at, lines in recent.items():
                self._open[at].take_up(lines)
            since = min((self._clock.now() - DAY, *self._open, *self._files.days_with_hours()[-1:]))
            lately = (run for run in runs if run.ended_at is not None and run.ended_at >= since)
            ended = (ended_of(run) for run in lately)
            self._count_again(since, [*heard, *(one for one in ended if one is not None)])

    def _count_again(self, since: datetime, ended: Iterable[Ended]) -> None:
        """Count each run that ended since figures were last written, unless its hour was made already."""
        self._lately = {tally.at: tally for tally in self._files.hours(since, self._clock.now() + DAY)}
        made = set(self._lately)
        made -= {at for at, hour in self._open.items() if not hour.was_over}
        for one in ended:
            at = start_of(one.at, "hour")
            if one.at >= since and at not in made:
                hour = self._open.setdefault(at, OpenHour(at))
                if hour.take(one):
                    hour.seen.add(one.id)

    def wants(self, event: Event) -> bool:
        """Tell whether an event is of a run that ended."""
        return isinstance(event, RunMoved) and event.run.over

    def heard(self, event: Event) -> None:
        """Count a run that ended."""
        if isinstance(event, EventsMissed):
            self._missed = True
        if isinstance(event, RunMoved) and (ended := ended_of(event.run)) is not None:
            with self._lock:
                if self._hour(start_of(ended.at, "hour")).take(ended):
                    self._since_start.add(ended)
            self.on_count()

    def look(self) -> None:
        """Take note of how many runs wait."""
        waiting = self._waiting()
        with self._lock:
            self._hour(start_of(self._clock.now(), "hour")).tally.depth.add(waiting)

    def write(self) -> None:
        """Bring what was counted to the disk, and make the hours and days that are over."""
        self._guarded(self._write_all)

    def _write_all(self) -> None:
        self._write_recent()
        if self._missed:
            self._missed = False
            self.take_up()
        self._close_hours()

    # Telling

    def between(self, since: datetime, until: datetime, by: Span = "hour") -> list[Tally]:
        """Return the hours or days that began in this time and in which Holdfast was at work, the oldest first.

        The last one may still grow.
        """
        growing = self._growing()
        if by == "hour":
            return self._hours(since, until, growing)
        days = self._files.days(since, until)
        growing_days = {start_of(at, "day") for at in growing}
        for day in {*self._files.days_with_hours(), *growing_days}:
            if since <= day < until and (day not in days or day in growing_days):
                days |= {made.at: made for made in by_day(self._hours(day, day + DAY, growing))}
        return [days[at] for at in sorted(days)]

    def last_day(self) -> Tally:
        """Return what the last 24 hours amounted to: 23 whole ones, and the one that is not over."""
        now = self._clock.now()
        first = start_of(now, "hour") - (HOURS_OF_A_DAY - 1) * HOUR
        with self._lock:
            hours = self._lately | {at: hour.tally for at, hour in self._open.items()}
            return summed((tally for at, tally in hours.items() if first <= at <= now), first)

    def course(self, hours: int) -> tuple[Hour, ...]:
        """Return each of the last hours, the oldest first; the last is the one that is not over, those without work are empty.

        Two days are at hand; what is older is read from the disk once an hour.
        """
        now = start_of(self._clock.now(), "hour")
        first = now - (hours - 1) * HOUR
        with self._lock:
            if self._course_at != now:
                self._course_at, self._course, self._older = now, {}, None
            known = self._course
            known |= {at: hour_of(tally) for at, tally in self._lately.items() if at not in known}
            known |= {at: hour_of(hour.tally) for at, hour in self._open.items()}
            older = self._older
            if older is not None:
                known = older | known
            found = tuple(
                known.get(first + place * HOUR) or Hour(at=first + place * HOUR) for place in range(hours)
            )
        if older is None and hours * HOUR > DAY:
            self._read_older(first, now - DAY + HOUR, now)
            return self.course(hours)
        return found

    def _read_older(self, since: datetime, until: datetime, now: datetime) -> None:
        """Read the hours that are not at hand, for as long as this hour lasts."""
        read = {tally.at: hour_of(tally) for tally in self._files.hours(since, until)}
        with self._lock:
            if self._course_at == now:
                self._older = read

    def totals(self) -> Tally:
        """Return what this process has counted since it began."""
        with self._lock:
            return summed([self._since_start], self._since_start.at)

    def _growing(self) -> dict[datetime, Tally]:
        with self._lock:
            return {at: summed([hour.tally], at) for at, hour in self._open.items()}

    def _hours(self, since: datetime, until: datetime, growing: dict[datetime, Tally]) -> list[Tally]:
        known = {tally.at: tally for tally in self._files.hours(since, until)}
        known |= {at: tally for at, tally in growing.items() if since <= at < until}
        return [known[at] for at in sorted(known)]

    # Counting and writing

    def _hour(self, at: datetime) -> OpenHour:
        """Return an hour to count in; one that was thought to be over grows on."""
        if at not in self._open:
            self._open[at] = OpenHour(at, self._files.hour(at))
        return self._open[at]

    def _write_recent(self) -> None:
        with self._writing:
            with self._lock:
                due = {at: lines for at, hour in self._open.items() if (lines := hour.handed_over())}
            try:
                for at in tuple(due):
                    self._files.append(at, due[at])
                    del due[at]
            finally:
                with self._lock:
                    for at, lines in due.items():
                        self._open[at].unwritten[:0] = lines

    def _close_hours(self) -> None:
        now = self._clock.now()
        with self._writing, self._lock:
            over = [at for at in sorted(self._open) if at + HOUR + GROWS_FOR <= now]
            for at in over:
                self._files.keep_hour(self._open[at].tally)
                self._lately[at] = self._open.pop(at).tally
            self._lately = {at: tally for at, tally in self._lately.items() if at > now - 2 * DAY}
        if over:
            self._files.keep_days(now)

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do the work; a disk in trouble costs figures, nothing else."""
        try:
            work()
        except OSError as error:
            if not self._trouble:
                log.warning("figures cannot be written: %s", error)
            self._trouble = str(error.strerror or error)
        else:
            self._trouble = ""

    def _keep_going(self) -> None:
        while not self._ending.wait(LOOK_EVERY):
            self.look()
            self.write()
