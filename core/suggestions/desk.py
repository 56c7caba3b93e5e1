"""Where suggestions are asked for: nothing is looked at before, and nothing is changed by it."""

import threading
from collections.abc import Callable
from itertools import islice
from typing import Final

from core.clock import Clock
from core.errors import NotFound, Refused
from core.imports.desk import Imports
from core.imports.values import Preview
from core.suggestions import crontabs, remotes, repositories, timers
from core.suggestions.machine import Machine
from core.suggestions.values import MOST, Looked, Suggestion

SOURCES: Final = (crontabs.look, timers.look, remotes.look, repositories.look)


class Suggestions:
    """Safe to use from several threads; remembers the last look until Holdfast stops."""

    def __init__(self, clock: Clock, imports: Imports, machine: Callable[[], Machine] = Machine.here) -> None:
        self._clock = clock
        self._imports = imports
        self._machine = machine
        self._lock = threading.Lock()
        self._last: Looked | None = None

    @property
    def last(self) -> Looked | None:
        """Return what was found the last time; None while nobody has asked."""
        return self._last

    def look(self) -> Looked:
        """Look at this machine now; one look at a time."""
        with self._lock:
            machine, places = self._machine(), list[tuple[str, str]]()
            found = [one for look in SOURCES for one in islice(look(machine, places), MOST)]
            self._last = Looked(at=self._clock.now(), suggestions=tuple(found), places=tuple(places))
            return self._last

    def forget(self) -> None:
        """Let go of what was found."""
        self._last = None

    def suggestion(self, suggestion_id: str) -> Suggestion:
        """Return what was found under an id; raises NotFound."""
        for one in self._last.suggestions if self._last else ():
            if one.id == suggestion_id:
                return one
        raise NotFound("suggestion", suggestion_id[:40], hint="Look at the machine again.")

    def as_import(self, suggestion_id: str) -> Preview:
        """Return what an import of it would make; raises NotFound, or Refused where there is nothing to import."""
        one = self.suggestion(suggestion_id)
        if not one.importable or one.source is None:
            raise Refused("This is not imported.", hint="Make the job by hand.")
        return self._imports.preview(one.source, one.importable)
