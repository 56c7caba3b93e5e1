"""What the next page tells a person once: how what they did went, after a form led them there."""

import threading
from collections import OrderedDict
from typing import Final

from core.models import Value

MOST_SESSIONS: Final = 1_000
MOST_OF_ONE: Final = 4


class Act(Value, frozen=True, kw_only=True):
    """What can be done about it by one press: a word, and the address that the press posts to."""

    word: str
    address: str


class Notice(Value, frozen=True, kw_only=True):
    """One sentence. `status` is one of the data-st; who has an `action` or `stays` does not go by itself."""

    text: str
    status: str = "ok"
    stays: bool = False
    action: Act | None = None


class Notices:
    """What is still to be told, by session, in memory only. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, tuple[Notice, ...]] = OrderedDict()

    def leave(self, session: str | None, notice: Notice) -> None:
        """Have the next page of this session tell something; nobody is told who has no session."""
        if session is None:
            return
        with self._lock:
            before = self._waiting.pop(session, ())
            self._waiting[session] = (*before, notice)[-MOST_OF_ONE:]
            while len(self._waiting) > MOST_SESSIONS:
                self._waiting.popitem(last=False)

    def take(self, session: str | None) -> tuple[Notice, ...]:
        """Return what is to be told, once."""
        if session is None or session not in self._waiting:
            return ()
        with self._lock:
            return self._waiting.pop(session, ())
