"""How long one look may take, whatever it asks: it is shared out among its questions."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from core.remotes.asking import Asked, ask, never

WHOLE_LOOK: Final = 20.0
LEAST: Final = 0.1
"""Seconds that a look may take, and that each of its questions has at least."""


class Patience:
    """What is left of the time of one look; `enough` says that nobody waits for it any longer."""

    def __init__(self, seconds: float = WHOLE_LOOK, enough: Callable[[], bool] = never) -> None:
        self._until = time.monotonic() + seconds
        self._enough = enough

    @property
    def left(self) -> float:
        """Return the seconds that are left."""
        return max(LEAST, self._until - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more is to be asked."""
        return self._enough() or time.monotonic() >= self._until

    @property
    def enough(self) -> Callable[[], bool]:
        """Return what tells that nobody waits for it any longer."""
        return self._enough

    def ask(self, argv: Sequence[str], environment: Mapping[str, str], *, stdin: str = "") -> Asked:
        """Ask a program as long as there is time."""
        return ask(argv, environment, seconds=self.left, stdin=stdin, enough=self._enough)
