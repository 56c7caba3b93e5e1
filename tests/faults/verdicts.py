"""What becomes of a call that changes the disk, and who decides."""

from dataclasses import dataclass
from typing import Final, Protocol

from tests.faults.calls import Call


@dataclass(frozen=True)
class Verdict:
    """A call happens, unless one of these says otherwise.

    `written` bytes of a write happen before a `kill`; `error` is answered in place of the
    call; `pretend` answers that all is well and does nothing.
    """

    kill: bool = False
    written: int = 0
    error: int = 0
    pretend: bool = False


PASS: Final = Verdict()
KILL: Final = Verdict(kill=True)
PRETEND: Final = Verdict(pretend=True)


class Plan(Protocol):
    """Who decides on the calls, in their order."""

    def decide(self, call: Call) -> Verdict:
        """Return what becomes of a call in the folder."""
        ...

    def told(self, line: bytes) -> None:
        """Take note of what the child told, in the order of the calls."""
        ...
