"""Slots in this process: a bounded pool of threads that carry whoever is first in line."""

import logging
import threading
import time
from datetime import datetime
from typing import Final

from core.clock import Clock, SystemClock
from core.dispatch.base import GRACE, Dispatcher, Handler, Load
from core.line import Line, Standing
from core.queueing import Holdup, Place, Rules

log = logging.getLogger(__name__)

LONGEST_NAP: Final = 30.0
"""Seconds after which a slot looks again for what time alone lets begin: the clock may have been set."""


class LocalDispatcher(Dispatcher):
    """Carries runs to `slots` threads of this process; adopted ones that find none free get a thread more."""

    def __init__(self, slots: int, clock: Clock | None = None) -> None:
        self._slots = slots
        self._clock = clock or SystemClock()
        self._line = Line(slots)
        self._handler: Handler | None = None
        self._stopping = False
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._extra: list[threading.Thread] = []

    def start(self, handler: Handler) -> None:
        """Begin to carry."""
        with self._changed:
            self._handler = handler
            for number in range(1, self._slots + 1):
                thread = threading.Thread(
                    target=self._serve, args=(handler,), name=f"slot-{number}", daemon=True
                )
                self._threads.append(thread)
                thread.start()
            self._look_after_adopted()

    def enqueue(self, place: Place) -> None:
        """Take a run; known already, it has its new place."""
        with self._changed:
            self._line.add(place)
            self._look_after_adopted()
            self._changed.notify()

    def withdraw(self, run_id: str) -> None:
        """Forget a run that has not been carried yet; an adopted one stays."""
        with self._changed:
            self._line.remove(run_id)

    def govern(self, rules: Rules) -> None:
        """Hold back from now on what these rules hold back."""
        with self._changed:
            self._line.govern(rules)
            self._changed.notify_all()

    def tick(self) -> None:
        """Look whether time alone lets something begin, after the clock was set."""
        with self._changed:
            self._changed.notify_all()

    def holdup(self, run_id: str) -> Holdup | None:
        """Return what holds a run back; None when it is not in line."""
        with self._changed:
            return self._line.holdup(run_id, self._clock.now())

    def in_line(self, most: int | None = None) -> tuple[Standing, ...]:
        """Return what is in line, who goes first in front; at most the first `most`."""
        with self._changed:
            return self._line.places(self._clock.now(), most)

    def load(self) -> Load:
        """Return how busy the slots are."""
        with self._changed:
            return Load(slots=self._slots, busy=self._line.busy, waiting=len(self._line))

    def is_working(self) -> bool:
        """Tell whether every slot is there and none was told to stop."""
        started = self._handler is not None and not self._stopping
        return started and all(thread.is_alive() for thread in self._threads)

    def stop(self, grace: float = GRACE) -> bool:
        """Carry nothing more; tell whether the slots became empty within `grace` seconds."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            threads = (*self._threads, *self._extra)
        until = time.monotonic() + grace
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _serve(self, handler: Handler) -> None:
        while (run_id := self._next()) is not None:
            self._carry(run_id, handler)

    def _carry(self, run_id: str, handler: Handler) -> None:
        try:
            handler(run_id)
        except Exception:  # one run must not take a slot from all that follow
            log.exception("run %s could not be carried out", run_id)
        finally:
            with self._changed:
                self._line.freed(run_id)
                self._wake_another()

    def _next(self) -> str | None:
        with self._changed:
            while not self._stopping:
                now = self._clock.now()
                if (place := self._line.take(now)) is not None:
                    self._wake_another()
                    return place.run_id
                self._changed.wait(self._nap(now))
            return None

    def _wake_another(self) -> None:
        """Have another slot look whether there is more that can begin."""
        if len(self._line):
            self._changed.notify()

    def _nap(self, now: datetime) -> float | None:
        """Return after how many seconds there may be more to do; None is not before somebody says so."""
        at = self._line.wakes_at(now)
        return None if at is None else min(LONGEST_NAP, max(0.0, (at - now).total_seconds()))

    def _look_after_adopted(self) -> None:
        """Have a thread for each adopted run that finds no free slot: its program is at work already."""
        if self._handler is None or self._stopping:
            return
        for _ in range(self._line.adopted - max(0, self._slots - self._line.busy)):
            thread = threading.Thread(target=self._serve_adopted, args=(self._handler,), daemon=True)
            self._extra.append(thread)
            thread.start()

    def _serve_adopted(self, handler: Handler) -> None:
        with self._changed:
            place = None if self._stopping else self._line.take_adopted()
        if place is not None:
            self._carry(place.run_id, handler)
        with self._changed:
            self._extra.remove(threading.current_thread())
