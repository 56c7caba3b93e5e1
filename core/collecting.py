"""What the garbage collector is spared: going through all that a store holds."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def undisturbed() -> Iterator[None]:
    """Collect no garbage meanwhile; what is there at the end is not gone through by later collections.

    For when much is read that stays: a full collection would go through all of it, again and again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()
