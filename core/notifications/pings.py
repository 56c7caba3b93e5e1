"""Tells watchers outside that all is well, so that somebody notices when nothing is said any more."""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from core.clock import Clock
from core.notifications.outgoing import Client, problem_of
from core.notifications.values import Outcome

log = logging.getLogger(__name__)

THREADS: Final = 4
MOST_TRIES: Final = 3
AGAIN_AFTER: Final = 60.0
OWN: Final = "holdfast"
"""Stands for Holdfast itself, beside the ids of jobs."""


class Pings:
    """Asks each address once for each time that all is well; newer news of the same job replaces older."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[str, int, float]] = {}
        self._troubles: dict[str, str] = {}
        self._pool = ThreadPoolExecutor(THREADS, "pings")
        self._ended = False

    def ping(self, key: str, url: str, unless: Callable[[], bool] = lambda: False) -> None:
        """Ask for an address soon, unless something speaks against it then."""
        if problem_of(url):
            self._note(key, "This is not an address that can be asked.")
            return
        with self._lock:
            self._waiting[key] = url, 0, self._clock.monotonic()
        self._submit(key, unless)

    def tick(self) -> None:
        """Try again what did not get through."""
        now = self._clock.monotonic()
        with self._lock:
            due = [key for key, (_, tries, at) in self._waiting.items() if tries and at <= now]
        for key in due:
            self._submit(key, lambda: False)

    def _submit(self, key: str, unless: Callable[[], bool]) -> None:
        with self._lock:
            if not self._ended:
                self._pool.submit(self._ask, key, unless)

    def _ask(self, key: str, unless: Callable[[], bool]) -> None:
        try:
            if unless():
                with self._lock:
                    self._waiting.pop(key, None)
                return
            with self._lock:
                asked = self._waiting.pop(key, None)
            if asked is not None:
                self._settle(key, asked[0], asked[1] + 1, self._client.get(asked[0]))
        except Exception:  # one ping must not end the others
            log.exception("a ping failed in a way that nobody foresaw")

    def _settle(self, key: str, url: str, tries: int, outcome: Outcome) -> None:
        self._note(key, "" if outcome.sent else outcome.words)
        if outcome.sent:
            return
        log.warning("a ping did not get through: %s", outcome.words)
        if outcome.again and tries < MOST_TRIES:
            with self._lock:
                self._waiting.setdefault(key, (url, tries, self._clock.monotonic() + AGAIN_AFTER))

    def _note(self, key: str, trouble: str) -> None:
        with self._lock:
            if trouble:
                self._troubles[key] = trouble
            else:
                self._troubles.pop(key, None)

    def troubles(self) -> Mapping[str, str]:
        """Return why the last ping of each job did not get through, by the job's id."""
        with self._lock:
            return dict(self._troubles)

    def forget(self, key: str) -> None:
        """Forget a job that is gone."""
        with self._lock:
            self._waiting.pop(key, None)
            self._troubles.pop(key, None)

    def stop(self) -> None:
        """Ask nobody any more."""
        with self._lock:
            self._ended = True
        self._pool.shutdown(wait=False, cancel_futures=True)
