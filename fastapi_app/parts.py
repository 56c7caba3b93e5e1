"""Live parts: pieces of pages that the server draws once for everybody who looks, when they have changed.

A part belongs to a topic that pages subscribe to. Threads that publish events only note which parts they
concern; who draws them, and when, is the painter's.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from core.events import (
    Event,
    EventsMissed,
    JobChangedOutside,
    JobCreated,
    JobDeleted,
    JobEdited,
    RunMoved,
    RunsForgotten,
)
from fastapi_app.frames import encoded

log = logging.getLogger(__name__)

COUNTS: Final = "counts"
MORE: Final = "more"
PLAIN_TOPICS: Final = frozenset({COUNTS, MORE})
"""Topics without parts: counts of chips and slots, and the fields that only pages with details show."""

CHANGES: Final = (
    JobCreated,
    JobEdited,
    JobChangedOutside,
    JobDeleted,
    RunMoved,
    RunsForgotten,
    EventsMissed,
)
NEVER: Final = float("-inf")
NOBODY: Final = float("inf")

_TICKING: Final = re.compile(r"(<time\b[^>]*>)[^<]*(?=</time>)")
"""What pages tick on by themselves: that it is another text now is no news."""


def is_change(event: Event) -> bool:
    """Tell whether a job or a run is new, gone or in another state; how far a run is, is none."""
    return isinstance(event, CHANGES)


@dataclass(kw_only=True, eq=False)
class Part:
    """One element that is drawn again by itself.

    `touched` is the number that pages had when something that concerns the part happened last: a page that
    names a higher one was drawn after that. `joined` is the lowest number of those who began to look since it was
    drawn. `looks` is how those who look know it, None if that is not known. What others gather in their own time from
    the same event is there a moment `later`, when it is drawn once more.
    """

    topic: str
    element_id: str
    draw: Callable[[], str]
    concerns: Callable[[Event], bool] = is_change
    stale: bool = True
    later: bool = False
    being_drawn: bool = False
    touched: int = 0
    joined: float = NOBODY
    looks: str | None = None
    piece: str = ""

    @property
    def is_coming(self) -> bool:
        """Tell whether how it is drawn next is still to be seen."""
        return self.stale or self.being_drawn

    @property
    def is_wanted(self) -> bool:
        """Tell whether it is to be drawn when its time comes."""
        return self.stale or self.later

    def begin(self) -> None:
        """Take note that it is being drawn; what happens from now on makes it stale again."""
        self.later, self.stale, self.being_drawn = self.stale, False, True

    def settle(self, html: str | None) -> bool:
        """Take in how it was drawn, None if it could not be; tell whether those who look are to be told."""
        self.being_drawn = False
        if html is None:
            return False
        looks = _TICKING.sub(r"\1", html)
        differs = self.looks is not None and looks != self.looks
        told = differs or self.touched >= self.joined
        if looks != self.looks or not self.piece:
            self.piece = encoded([self.element_id, html])
        self.looks, self.joined = looks, NOBODY
        return told

    def html(self) -> str | None:
        """Return it as it is now, None if it cannot be drawn; may block."""
        try:
            return self.draw()
        except Exception:  # a part that cannot be drawn must not keep the others from being drawn
            log.exception("the part %s of %s could not be drawn", self.element_id, self.topic)
            return None


class Parts:
    """All live parts. What happens is noted by any thread; everything else is the event loop's."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._parts: dict[str, list[Part]] = {}
        self._drawn_at: dict[str, float] = {}
        self._clock = clock
        self._drawing = asyncio.Lock()
        self.watched: frozenset[str] = frozenset()
        self.number: Callable[[], int] = int
        """Says which number pages have at present."""

        self.wake: Callable[[], None] = lambda: None
        """Lets the painter know that there may be something to draw; called by any thread."""

    def add(
        self,
        topic: str,
        element_id: str,
        draw: Callable[[], str],
        *,
        concerns: Callable[[Event], bool] = is_change,
    ) -> None:
        """Keep an element up to date for those who subscribe to the topic.

        `draw` returns its HTML, the same for everybody, byte for byte as the page draws it; it is called by a
        worker's thread. `concerns` is asked by whoever publishes, so it must answer at once.
        """
        part = Part(topic=topic, element_id=element_id, draw=draw, concerns=concerns)
        self._parts.setdefault(topic, []).append(part)

    @property
    def topics(self) -> frozenset[str]:
        """Return every topic that a page may subscribe to."""
        return PLAIN_TOPICS.union(self._parts)

    def of(self, topics: Iterable[str]) -> list[Part]:
        """Return the parts of these topics."""
        return [part for topic in topics for part in self._parts.get(topic, ())]

    def take(self, event: Event) -> None:
        """Note what an event concerns; called by whoever publishes.

        The order matters: who begins to look meanwhile sees either that the part was touched or that it is watched.
        """
        wanted = False
        for topic, parts in self._parts.items():
            for part in parts:
                if not part.concerns(event):
                    continue
                wanted |= topic in self.watched and not part.stale
                part.touched = self.number()
                part.stale = True
                if topic not in self.watched:
                    part.looks = None
        if wanted:
            self.wake()

    def age(self) -> None:
        """Let everything that somebody looks at be drawn again: ages grow without anything happening."""
        for part in self.of(self.watched):
            part.later = True
        self.wake()

    def join(self, topics: Iterable[str], seen: int) -> None:
        """Take note that a page which saw `seen` begins to look; parts to be drawn first come as soon as they are."""
        coming = [part for part in self.of(topics) if part.is_coming]
        for part in coming:
            part.joined = min(part.joined, seen)
        if coming:
            self.wake()

    def newest(self, topics: Iterable[str]) -> int:
        """Return the number of the last change of these parts, as far as it is drawn."""
        return max(
            (part.touched + 1 for part in self.of(topics) if part.piece and not part.is_coming), default=0
        )

    def lacking(self, topics: Iterable[str], seen: int) -> list[Part]:
        """Return the parts, as they were drawn last, that a page which saw `seen` does not have."""
        return [
            part for part in self.of(topics) if part.piece and not part.is_coming and part.touched >= seen
        ]

    def wanted(self, topics: Iterable[str]) -> list[Part]:
        """Return the parts of these topics that are not drawn as they are now."""
        return [part for part in self.of(topics) if part.is_wanted]

    # What the painter asks for

    def seconds_until_due(self, pace: float) -> float | None:
        """Return how long until something that somebody looks at is to be drawn; None while there is nothing."""
        now = self._clock()
        waits = [self._drawn_at.get(part.topic, NEVER) + pace - now for part in self.wanted(self.watched)]
        return min(waits, default=None)

    def due(self, pace: float) -> list[Part]:
        """Return the parts to be drawn now, and take note of the time."""
        now = self._clock()
        topics = {topic for topic in self.watched if self._drawn_at.get(topic, NEVER) + pace <= now}
        found = self.wanted(topics)
        self._drawn_at.update(dict.fromkeys({part.topic for part in found}, now))
        return found

    async def redraw(self, wanted: Callable[[], Sequence[Part]]) -> list[Part]:
        """Draw parts off the event loop, one caller after the other; return those that others are to be told."""
        async with self._drawing:
            parts = wanted()
            for part in parts:
                part.begin()
            drawn = await asyncio.to_thread(_drawn, parts) if parts else []
            return [part for part, html in zip(parts, drawn, strict=True) if part.settle(html)]


def _drawn(parts: Sequence[Part]) -> list[str | None]:
    return [part.html() for part in parts]
