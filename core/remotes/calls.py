"""How a program is called so that it finds a destination, and how its trouble is told."""

from collections.abc import Mapping
from typing import Literal

from core.errors import EngineFailed, Unreachable
from core.models import NOTHING, Value

TroubleCode = Literal[
    "wrong-password",
    "locked",
    "destination-full",
    "connection-lost",
    "unreachable",
    "login-refused",
    "token-expired",
    "host-key",
    "missing",
    "refused",
    "damaged",
    "too-many-requests",
    "failed",
]
"""What is wrong, as a word that stays the same."""


class Call(Value, frozen=True, kw_only=True):
    """The beginning of a command: the program with its options, its whole environment, and the place in its words.

    A secret stands in neither: files that hold one are named.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = NOTHING
    place: str = ""


class Trouble(Value, frozen=True, kw_only=True):
    """What went wrong in words for people; `transient` is that waiting may help, `unreachable` that a breaker counts it."""

    code: TroubleCode
    sentence: str
    hint: str
    transient: bool = False
    unreachable: bool = False


def failure(trouble: Trouble, said: str = "") -> EngineFailed:
    """Return the trouble as the failure of an attempt; `said` is the program's own last word."""
    message = f"{trouble.sentence} It said: {said}" if said else trouble.sentence
    if trouble.unreachable:
        return Unreachable(message, hint=trouble.hint)
    return EngineFailed(message, hint=trouble.hint, transient=trouble.transient, code=trouble.code)
