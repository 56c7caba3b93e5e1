"""What the garbage collector is spared: going through all that a store holds."""

import contextlib
import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def undisturbed() -> Iterator[None]:
    """Collect no garbage meanwhile; what is there at the end is not gone through by later collections.

    For when much is read that stays: a full collection would go through all of it, again and again.
    What reading took beside goes back to the system.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        with contextlib.suppress(AttributeError):  # only the C library of GNU can be asked to
            ctypes.CDLL(None).malloc_trim(0)
        if was_on:
            gc.enable()
