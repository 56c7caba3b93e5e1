"""What is done every so often, whoever is there: one thread, one chore after the other."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.clock import Clock
from core.errors import HoldfastError
from core.models import Value
from core.storage.atomic import storage_error

log = logging.getLogger(__name__)

OWN_BACKUP: Final = "the backup of Holdfast's own state"
EVENTS: Final = "letting go of events that were kept long enough"
TIDYING: Final = "letting go of what was kept long enough"
SAMPLING: Final = "measuring how much there is"
EMPTYING: Final = "letting go of what was set aside for long enough"
SEARCHING: Final = "making jobs ready to be searched"
LEAVING: Final = "deleting the jobs that nobody kept after all"
UNDOING: Final = "undoing the steps of runs that were cut short"
"""The chores, as logs and pages call them."""

GRACE: Final = 10.0
"""Seconds that whoever stops waits for the chore at hand."""

LOOK_EVERY: Final = 5.0
"""Seconds between two looks at what is due."""


class ChoreState(Value, frozen=True, kw_only=True):
    """How a chore is; `done_at` is when it last ended well, `trouble` why it did not since, nothing if it did."""

    name: str
    done_at: datetime | None = None
    failed_at: datetime | None = None
    trouble: str = ""


@dataclass
class _Chore:
    work: Callable[[], None]
    every: float
    again: float
    due: float
    state: ChoreState


class Housekeeping:
    """Does each chore every so often. One that fails is tried again, and keeps no other from its turn."""

    def __init__(self, clock: Clock, *, look_every: float = LOOK_EVERY) -> None:
        self._clock = clock
        self._look_every = look_every
        self._lock = threading.Lock()
        self._chores: dict[str, _Chore] = {}
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def add(
        self,
        name: str,
        work: Callable[[], None],
        *,
        every: float,
        first_after: float = 0.0,
        again_after: float | None = None,
    ) -> None:
        """Take on a chore; the seconds are from one time to the next, to the first, and after a failure."""
        due = self._clock.monotonic() + first_after
        again = every if again_after is None else again_after
        with self._lock:
            self._chores[name] = _Chore(work, every, again, due, ChoreState(name=name))

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._ending.clear()
        self._thread = threading.Thread(target=self._keep_going, name="housekeeping", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the chore at hand come to its end, if that is not far, and begin no other."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(GRACE)
            self._thread = None

    def tend(self) -> None:
        """Do what is due, one after the other."""
        for name, chore in tuple(self._chores.items()):
            if self._ending.is_set():
                return
            if chore.due <= self._clock.monotonic():
                self._do(name, chore)

    def states(self) -> tuple[ChoreState, ...]:
        """Return how every chore is."""
        with self._lock:
            return tuple(chore.state for chore in self._chores.values())

    def state(self, name: str) -> ChoreState:
        """Return how a chore is; one that nobody has taken on was never done."""
        with self._lock:
            chore = self._chores.get(name)
            return chore.state if chore else ChoreState(name=name)

    def _keep_going(self) -> None:
        while not self._ending.wait(self._look_every):
            self.tend()

    def _do(self, name: str, chore: _Chore) -> None:
        trouble = _trouble_of(name, chore.work)
        now, done_at = self._clock.now(), chore.state.done_at
        with self._lock:
            chore.due = self._clock.monotonic() + (chore.again if trouble else chore.every)
            chore.state = ChoreState(
                name=name,
                done_at=done_at if trouble else now,
                failed_at=now if trouble else None,
                trouble=trouble,
            )


def _trouble_of(name: str, work: Callable[[], None]) -> str:
    """Do the work; return why it could not be done, nothing if it could."""
    try:
        work()
    except HoldfastError as error:
        log.warning("%s was not done: %s", name, error)
        return str(error)
    except OSError as error:
        words = str(storage_error(f"{name[:1].upper()}{name[1:]} was not done", error))
        log.warning("%s", words)
        return words
    except Exception:  # one chore must not end the others
        log.exception("%s was not done", name)
        return "Holdfast itself made a mistake; its log has the details."
    return ""
