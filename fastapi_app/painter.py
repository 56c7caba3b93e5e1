"""Draws live parts: when something concerns them and somebody looks, at most once a second, off the event loop."""

import asyncio
import contextlib
from typing import Final

from core.events import EventBus
from fastapi_app.hub import Hub
from fastapi_app.parts import Parts

GATHERED: Final = 0.05
AGES_EVERY: Final = 60.0


class Painter:
    """Keeps the parts that somebody looks at as they are."""

    pace = 1.0
    """Seconds from one drawing of a topic to the next."""

    def __init__(self, events: EventBus, hub: Hub, parts: Parts) -> None:
        self._events = events
        self._hub = hub
        self._parts = parts
        self._awake = asyncio.Event()

    async def run(self) -> None:
        """Draw until cancelled."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is gone, and every page with it
                loop.call_soon_threadsafe(self._awake.set)

        self._parts.wake = wake
        self._events.tell_at_once("parts", self._parts.take)
        ageing = asyncio.create_task(self._keep_ageing())
        try:
            await self._keep_drawing()
        finally:
            ageing.cancel()
            self._events.tell_no_more(self._parts.take)

    async def _keep_drawing(self) -> None:
        while True:
            self._awake.clear()
            wait = self._parts.seconds_until_due(self.pace)
            if wait is not None and wait <= 0:
                await asyncio.sleep(GATHERED)  # one thing that happens is often several events
                await self.paint()
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._awake.wait()

    async def _keep_ageing(self) -> None:
        while True:
            await asyncio.sleep(AGES_EVERY)
            self._parts.age()

    async def paint(self) -> None:
        """Draw what is due, and tell those who look what differs."""
        self._hub.tell_parts(await self._parts.redraw(lambda: self._parts.due(self.pace)))
