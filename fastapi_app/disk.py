"""Whether changes can be kept at present: asked of the store now and then, remembered in between."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from core.clock import Clock
from core.errors import StorageFailed, StorageFull
from core.manager import JobManager

log = logging.getLogger(__name__)

ASKED_EVERY: Final = 5.0


class Disk:
    """Knows what keeps changes from being kept, if anything does.

    Asking writes to the disk, so nobody asks it without a reason: one is a question for health,
    another is a change that was refused; from then on it is asked until it takes changes again.
    """

    on_change: Callable[[], None] | None = None
    """Called when changes cannot be kept any more, and when they can again."""

    def __init__(self, manager: JobManager, clock: Clock) -> None:
        self._manager = manager
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._trouble: StorageFailed | None = None

    @property
    def trouble(self) -> str:
        """Return in one line why changes cannot be kept; nothing while they can. Asks nobody."""
        trouble = self._trouble
        if trouble is None:
            return ""
        if isinstance(trouble, StorageFull):
            return "Changes cannot be kept: the disk is full. Reading works."
        return f"Changes cannot be kept: {str(trouble).partition(': ')[2] or trouble} Reading works."

    def noted(self, error: StorageFailed) -> None:
        """Take note of a change that was refused."""
        log.error("a change could not be kept: %s", error)
        self._take(error)

    def asked_lately(self) -> StorageFailed | None:
        """Return why a change would be refused now, as known for at most five seconds; None is that it would not."""
        with self._lock:
            now = self._clock.monotonic()
            if now - self._asked_at >= ASKED_EVERY:
                self._asked_at = now
                self._take(self._ask())
            return self._trouble

    def look_again(self) -> None:
        """Ask again if changes could not be kept when last seen."""
        if self._trouble is not None and self.asked_lately() is None:
            log.info("changes can be kept again")

    def _take(self, trouble: StorageFailed | None) -> None:
        before, self._trouble = self.trouble, trouble
        if self.on_change and self.trouble != before:
            self.on_change()

    def _ask(self) -> StorageFailed | None:
        try:
            self._manager.check_writable()
        except StorageFailed as error:
            return error
        return None
