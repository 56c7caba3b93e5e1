"""Waiting for the disk without a thread each: for coroutines, a whole group at a time."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Final

from core.storage.base import Commitment

Waiting = tuple[Commitment, "asyncio.Future[None]"]


class GroupWaiter:
    """Lets the coroutines of one event loop wait for commitments.

    One thread of the loop's executor commits for all of them; they are woken by one call.
    """

    def __init__(self, commit: Callable[[], None], loop: asyncio.AbstractEventLoop, thread: Executor) -> None:
        self._commit: Final = commit
        self._loop: Final = loop
        self._thread: Final = thread
        self._waiting: list[Waiting] = []
        self._busy = False

    def serves(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Tell whether it is this loop that the coroutines belong to."""
        return loop is self._loop

    async def settled(self, commitments: Sequence[Commitment]) -> None:
        """Return when all of them are settled; raises what `Commitment.wait` raises."""
        for commitment in commitments:
            if not commitment.settled:
                future: asyncio.Future[None] = self._loop.create_future()
                self._waiting.append((commitment, future))
                self._go()
                await future
            commitment.wait()

    def _go(self) -> None:
        if not self._busy:
            self._busy = True
            # Whoever decides in the same turn of the loop comes along.
            self._loop.call_soon(self._thread.submit, self._work)

    def _work(self) -> None:
        try:
            self._commit()
        finally:
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._busy = False
        waiting, self._waiting = self._waiting, []
        for commitment, future in waiting:
            if not commitment.settled:
                self._waiting.append((commitment, future))
            elif not future.done():
                future.set_result(None)
        if self._waiting:
            self._go()
