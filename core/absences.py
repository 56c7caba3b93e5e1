"""What was expected and did not run, as the event log tells it: the due times that were missed or left out."""

import threading
from datetime import datetime, timedelta
from typing import Final

from core.clock import Clock
from core.event_log import EventLog, EventQuery
from core.happenings import Happening
from core.models import Value

KEPT_FOR: Final = timedelta(days=62)
MOST: Final = 20_000
"""How many are kept in memory, the newest; there are that many only where something is very wrong."""

SAID: Final = "schedule.said"
TELLS: Final = (" missed", "was left out: ")
"""What the words have that tell of a due time without a run of its own."""

NO_ABSENCE: Final = ("as it was asked for", "makes up for it.", "made up for now")
"""What they have where somebody wanted it so, or where it ran a little later."""


class Absence(Value, frozen=True, kw_only=True):
    """A due time, or several, at which a job was expected and did not run; `words` says why."""

    at: datetime
    job_id: str
    name: str
    words: str


class Absences:
    """Reads the event log once, and from then on what is new in it. Safe to use from several threads."""

    def __init__(self, log: EventLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._read_to: int | None = None
        self._found: list[Absence] = []

    def since(self, moment: datetime) -> tuple[Absence, ...]:
        """Return those since a moment, the oldest first; raises StorageFailed."""
        with self._lock:
            self._read_on()
            return tuple(one for one in self._found if one.at >= moment)

    def _read_on(self) -> None:
        last, earliest = self._log.last, self._clock.now() - KEPT_FOR
        if self._read_to is None:
            found = self._log.matching(EventQuery(kind=SAID, since=earliest))
            self._found = [
                one for _, happening in zip(range(MOST), found, strict=False) if (one := _absence(happening))
            ]
            self._found.reverse()
        elif last > self._read_to:
            found = self._log.matching(EventQuery(kind=SAID, after=self._read_to))
            self._found += [one for happening in found if (one := _absence(happening))]
            self._found = [one for one in self._found[-MOST:] if one.at >= earliest]
        self._read_to = last


def _absence(happening: Happening) -> Absence | None:
    words = happening.words
    if any(part in words for part in NO_ABSENCE) or not any(part in words for part in TELLS):
        return None
    return Absence(at=happening.at, job_id=happening.job, name=happening.name, words=words)
