"""Slots in this process: a bounded pool of threads that carry the most urgent run first."""

import heapq
import itertools
import logging
import threading
import time
from typing import Final

from core.dispatch.base import GRACE, Dispatcher, Handler, Load
from core.models import Priority

log = logging.getLogger(__name__)

URGENCY: Final = {Priority.CRITICAL: 0, Priority.HIGH: 1, Priority.NORMAL: 2, Priority.LOW: 3}

MOST_WITHDRAWN: Final = 1_000
"""How many withdrawn runs stay on the heap before it is built anew."""


class LocalDispatcher(Dispatcher):
    """Carries runs to `slots` threads of this process."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._order = itertools.count()
        self._heap: list[tuple[int, int, str]] = []
        self._waiting: dict[str, int] = {}
        """Each waiting run's place in the order; what else is on the heap was withdrawn."""
        self._busy = 0
        self._stopping = False
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    def start(self, handler: Handler) -> None:
        """Begin to carry."""
        for number in range(1, self._slots + 1):
            thread = threading.Thread(target=self._serve, args=(handler,), name=f"slot-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def enqueue(self, run_id: str, priority: Priority) -> None:
        """Take a run's id; a second time before it was carried is the same as once."""
        with self._changed:
            if run_id not in self._waiting:
                self._waiting[run_id] = next(self._order)
                heapq.heappush(self._heap, (URGENCY[priority], self._waiting[run_id], run_id))
                self._changed.notify()

    def withdraw(self, run_id: str) -> None:
        """Forget a run that has not been carried yet."""
        with self._changed:
            self._waiting.pop(run_id, None)
            if len(self._heap) > MOST_WITHDRAWN + 2 * len(self._waiting):
                self._heap = [entry for entry in self._heap if self._waiting.get(entry[2]) == entry[1]]
                heapq.heapify(self._heap)

    def load(self) -> Load:
        """Return how busy the slots are."""
        with self._changed:
            return Load(slots=self._slots, busy=self._busy, waiting=len(self._waiting))

    def is_working(self) -> bool:
        """Tell whether every slot is there and none was told to stop."""
        return not self._stopping and all(thread.is_alive() for thread in self._threads)

    def stop(self, grace: float = GRACE) -> bool:
        """Carry nothing more; tell whether the slots became empty within `grace` seconds."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        until = time.monotonic() + grace
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _serve(self, handler: Handler) -> None:
        while (run_id := self._next()) is not None:
            try:
                handler(run_id)
            except Exception:  # one run must not take a slot from all that follow
                log.exception("run %s could not be carried out", run_id)
            finally:
                with self._changed:
                    self._busy -= 1

    def _next(self) -> str | None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._waiting)
            if self._stopping:
                return None
            while True:
                _, place, run_id = heapq.heappop(self._heap)
                if self._waiting.get(run_id) == place:
                    del self._waiting[run_id]
                    self._busy += 1
                    return run_id
