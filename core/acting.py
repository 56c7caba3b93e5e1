"""Who is acting at present, for whatever is decided on their behalf."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from core.models import Value


class Actor(Value, frozen=True, kw_only=True):
    """A person or a program that asked for something; `origin` is where from ("127.0.0.1", "command line").

    An empty name is Holdfast itself. `admin` is that they may what only admins may, as whoever has this machine's
    files in hand may too.
    """

    name: str = ""
    origin: str = ""
    admin: bool = True


NOBODY = Actor()

_acting: ContextVar[Actor] = ContextVar("acting", default=NOBODY)


def actor() -> Actor:
    """Return who is acting in this task or thread."""
    return _acting.get()


@contextmanager
def acting_as(someone: Actor) -> Iterator[None]:
    """Let everything that is decided within be on somebody's behalf."""
    token = _acting.set(someone)
    try:
        yield
    finally:
        _acting.reset(token)
