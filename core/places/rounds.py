"""Looking at every destination once an hour, in threads of its own: a dead disk must keep nobody from anything."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Final

from core.breakers import Breaker, BreakerState
from core.clock import Clock
from core.deciding import BREAKER
from core.destinations.known import Destination
from core.errors import HoldfastError, NotFound
from core.places.book import DestinationBook, House
from core.places.probes import Probes
from core.places.states import Seen

log = logging.getLogger(__name__)

EVERY: Final = 3_600.0
JITTER: Final = 600.0
"""Seconds from one look to the next, and how many of them chance may take off, so that not all are looked at at once."""

LOOK_EVERY: Final = 15.0
FIRST_AFTER: Final = 60.0
AGAIN_AFTER: Final = 20.0
"""Seconds until one that was reachable is looked at again before it is called lost."""

AT_ONCE: Final = 4
PATIENCE: Final = 25.0


class Rounds:
    """Looks at each destination when it is due; one whose breaker is open is left alone until that lets somebody try."""

    def __init__(
        self,
        book: DestinationBook,
        house: Callable[[], House],
        probes: Probes,
        clock: Clock,
        *,
        random: Random | None = None,
        again_after: float = AGAIN_AFTER,
    ) -> None:
        self._book = book
        self._house = house
        self._probes = probes
        self._clock = clock
        self._random = random or Random()  # noqa: S311 - it spreads looks over an hour, no secret depends on it
        self._again_after = again_after
        self._due: dict[str, float] = {}
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread = threading.Thread(target=self._keep_going, name="destinations", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Call off what is under way, and begin nothing more."""
        self._ending.set()
        self._probes.stop()
        if self._thread is not None:
            self._thread.join(PATIENCE)

    @property
    def is_over(self) -> bool:
        """Tell whether nothing of it is at work."""
        return self._thread is None or not self._thread.is_alive()

    def _keep_going(self) -> None:
        self._ending.wait(FIRST_AFTER)
        while not self._ending.is_set():
            self.tend()
            self._ending.wait(LOOK_EVERY)

    def tend(self) -> None:
        """Look at what is due, a few at a time."""
        due = self._due_now()
        if not due:
            return
        with ThreadPoolExecutor(AT_ONCE, "destinations") as several:
            for done in [several.submit(self._look, each) for each in due]:
                done.result()

    def _due_now(self) -> list[Destination]:
        now = self._clock.monotonic()
        every = {each.id: each for each in self._book.list()}
        self._due = {each: at for each, at in self._due.items() if each in every}
        due = [each for each in every.values() if self._due.get(each.id, now) <= now]
        for each in due:
            self._due[each.id] = now + EVERY - self._random.uniform(0, JITTER)
        return [each for each in due if not self._is_held(each.id)]

    def _is_held(self, destination_id: str) -> bool:
        """Tell whether it was not reached of late, and the breaker lets nobody try yet."""
        kept = self._house().register(f"{BREAKER}destination:{destination_id}")
        return Breaker.of(kept).state(self._clock.now()) == BreakerState.OPEN

    def _is_sure(self, destination: Destination, seen: Seen) -> bool:
        """Tell whether to believe a look: what was reachable is lost only where it is not found a little later either."""
        before = self._book.state(destination.id)
        if seen.reachable or before is None or not before.seen.reachable:
            return True
        self._ending.wait(self._again_after)
        return False

    def _look(self, destination: Destination) -> None:
        if self._ending.is_set():
            return
        try:
            self._probes.look(destination, sure=lambda seen: self._is_sure(destination, seen))
        except NotFound:
            log.info("destination %s was removed while it was looked at", destination.id)
        except HoldfastError as error:
            log.warning("destination %s could not be looked at: %s", destination.id, error)
        except Exception:  # one destination must not keep the others from being looked at
            log.exception("destination %s could not be looked at", destination.id)
