"""Does now and then what no command waits for, in a thread of its own."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from core.errors import StorageFailed
from core.storage import atomic

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 0.25
"""Seconds between two looks; one costs a few microseconds while nothing happens."""


class Tender:
    """Looks after an open store until it is stopped; `chores` are done in their order at each look."""

    def __init__(self, chores: tuple[Callable[[], None], ...]) -> None:
        self._chores = chores
        self._stopping = threading.Event()
        self._said: dict[Callable[[], None], str] = {}
        self._thread = threading.Thread(target=self._tend, name="store", daemon=True)
        self._thread.start()

    @property
    def troubles(self) -> tuple[str, ...]:
        """Return why chores were refused at the last look, each reason once."""
        return tuple(dict.fromkeys(said for said in tuple(self._said.values()) if said))

    def stop(self) -> None:
        """Finish the look that is under way, and end."""
        self._stopping.set()
        self._thread.join()

    def _tend(self) -> None:
        while not self._stopping.wait(LOOK_EVERY):
            for chore in self._chores:
                self._do(chore)

    def _do(self, chore: Callable[[], None]) -> None:
        """Do a chore; one that the disk refuses is done at a later look, and said once."""
        said = ""
        try:
            with atomic.storage_errors("The store could not be tended"):
                chore()
        except StorageFailed as error:
            said = str(error)
            if self._said.get(chore) != said:
                log.warning("%s", said)
        except Exception:  # one chore must not end the others
            log.exception("the store could not be tended")
        self._said[chore] = said
