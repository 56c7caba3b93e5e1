"""Follows the journal and writes down what it tells: the event log, and who asked for what.

Each line has the number of the record that it comes from, and the last one says how far the clerk is: so after a
crash it goes on there, and nothing is told twice or left out.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Final

from core.audit import Audit
from core.clock import Clock
from core.errors import HoldfastError, NotFound, StorageFailed
from core.event_log import EventLog
from core.events import Event, EventBus
from core.happenings import Happening, Position, Teller
from core.manager import JobManager
from core.models import Job, Run
from core.storage.base import JobStore
from core.storage.records import Record

log = logging.getLogger(__name__)

AT_ONCE: Final = 1_000
"""Records that are told of before what was told is written."""

PACE: Final = 0.25
"""Seconds in which what happens is gathered."""

LOOK_EVERY: Final = 5.0
"""Seconds after which it is looked all the same: other processes wake nobody, and a full disk may have room."""

PATIENCE: Final = 10.0

Told = Sequence[tuple[int, tuple[Happening, ...]]]
"""Of some records, by number, what they mean."""


class Clerk:
    """Writes in a thread of its own; whoever is at work in the store has one."""

    def __init__(
        self,
        store: JobStore,
        manager: JobManager,
        bus: EventBus,
        clock: Clock,
        events: EventLog,
        audit: Audit,
        *,
        keep_for: timedelta,
    ) -> None:
        self._store = store
        self._manager = manager
        self._bus = bus
        self._clock = clock
        self.events = events
        self.audit = audit
        self.keep_for = keep_for
        self._teller = Teller(self._job, self._run)
        self._begun = False
        self._followed = 0
        self._waiting: Told = ()
        self._of_events = self._of_audit = Position()
        self._awake = threading.Event()
        self._ending = threading.Event()
        self._at_it = threading.Lock()
        self._thread: threading.Thread | None = None
        self.trouble = ""
        """Why what happened could not be written down at the last try; empty when it could."""

    def open(self) -> None:
        """Begin to follow from where the log ends; what the disk refuses is tried again."""
        self._ending.clear()
        self._bus.tell_at_once("clerk", self._wake)
        self._thread = threading.Thread(target=self._keep_going, name="clerk", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write down what happened until now, and end; while the store is still open."""
        if self._thread is None:
            return
        self._bus.tell_no_more(self._wake)
        self._ending.set()
        self._awake.set()
        self._thread.join(PATIENCE)
        self._thread = None

    def tidy(self) -> None:
        """Let go of events that were kept long enough."""
        self.events.forget_before(self._clock.now() - self.keep_for)

    def follow(self) -> None:
        """Write down what is durable by now; raises StorageFailed, and the next call goes on there."""
        with self._at_it:
            if not self._begun:
                self._begin()
                self._begun = True
            self._write(self._waiting)
            while told := self._next():
                self._write(told)

    def _wake(self, _event: Event) -> None:
        if not self._awake.is_set():
            self._awake.set()

    def _keep_going(self) -> None:
        while True:
            try:
                self.follow()
                self.trouble = ""
            except HoldfastError as error:
                if not self.trouble:
                    log.warning("%s", error)
                self.trouble = str(error)
            except Exception:  # it is looked at again, and nobody waits for it
                log.exception("what happened could not be told")
                self.trouble = "What happened could not be told; Holdfast's log has the details."
            if self._ending.is_set():
                return
            self._awake.wait(LOOK_EVERY)
            self._awake.clear()
            self._ending.wait(PACE)

    def _begin(self) -> None:
        """Find out how far was told; a store that was set back since goes on from where it is."""
        self._teller.knows(iter(self._manager.unfinished()), self._manager.registers("breaker/"))
        self._of_events, self._of_audit = self.events.open(), self.audit.open()
        reach = self._store.reach
        furthest = max(self._of_events.after, self._of_audit.after)
        if furthest > reach:
            self._set_back(reach)
        if not self._of_audit.lines:  # it is written first, so it is no less far
            self._of_audit = Position(after=max(self._of_audit.after, self._of_events.after))
        self._followed = min(self._of_events.after, self._of_audit.after)

    def _set_back(self, reach: int) -> None:
        words = f"The store was set back: it goes on after change {reach}."
        now = int(self._clock.now().timestamp() * 1000)
        told = Happening(n=reach, t=now, kind="store.set-back", words=words)
        if self._of_audit.after > reach:
            self.audit.append((told,))
            self._of_audit = Position(after=reach)
        if self._of_events.after > reach:
            self.events.append((told,))
            self._of_events = Position(after=reach)

    def _next(self) -> Told:
        """Return what the next records mean; where reading them breaks off, what is known by then waits."""
        told: list[tuple[int, tuple[Happening, ...]]] = []
        self._waiting = told
        for record in islice(self._store.records(self._followed), AT_ONCE):
            told += self._gap(record)
            told.append((record.n, self._teller.tell(record)))
            self._followed = record.n
        return told

    def _gap(self, record: Record) -> Iterator[tuple[int, tuple[Happening, ...]]]:
        """Give what there is to say about records that are not there; before all others nothing is."""
        first, last = self._followed + 1, record.n - 1
        if self._followed and first <= last:
            which = f"Change {first} is" if first == last else f"Changes {first} to {last} are"
            words = f"{which} not in the journal any more: what happened then is not known."
            yield last, (Happening(n=last, t=record.t, kind="gap", words=words),)

    def _write(self, told: Told) -> None:
        asked = [(n, tuple(one for one in lines if one.by or one.kind == "gap")) for n, lines in told]
        self.audit.append(list(_beyond(self._of_audit, asked)))
        self._of_audit = _after(self._of_audit, told)
        self.events.append(list(_beyond(self._of_events, told)))
        self._of_events = _after(self._of_events, told)
        self._waiting = ()

    def _job(self, job_id: str) -> Job | None:
        with contextlib.suppress(NotFound):
            return self._manager.job(job_id).job
        return None

    def _run(self, run_id: str) -> Run | None:
        with contextlib.suppress(NotFound, StorageFailed):
            return self._manager.run(run_id)
        return None


def _beyond(position: Position, told: Told) -> Iterator[Happening]:
    """Give what was not written yet."""
    for n, lines in told:
        if n > position.after:
            yield from lines[position.lines if n == position.after + 1 else 0 :]


def _after(position: Position, told: Told) -> Position:
    return Position(after=max(position.after, told[-1][0])) if told else position
