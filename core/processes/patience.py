"""Work that a dead disk can hold for ever: it is waited for only so long, and only while nobody asks to stop."""

import threading
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

LOOK_EVERY: Final = 0.05


class TooLong(Exception):
    """The time was over before the work was done; whatever holds it is left to itself."""


def within(seconds: float, work: Callable[[], T], raise_if_asked: Callable[[], object]) -> T:
    """Return what the work returns, or raise what it raises. Raises TooLong, and what `raise_if_asked` raises.

    A thread that hangs in the kernel cannot be ended; it goes with the process.
    """
    found: list[T] = []
    failed: list[BaseException] = []
    done = threading.Event()

    def do() -> None:
        try:
            found.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again where somebody waits for it
            failed.append(error)
        finally:
            done.set()

    threading.Thread(target=do, name="patience", daemon=True).start()
    for _ in range(max(1, int(seconds / LOOK_EVERY))):
        if done.wait(LOOK_EVERY):
            break
        raise_if_asked()
    if failed:
        raise failed[0]
    if not found:
        raise TooLong
    return found[0]
