"""Who is connected, and what each looks at. All of this lives on the event loop."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from fastapi_app.auth import Person
from fastapi_app.parts import Parts
from fastapi_app.viewers import LogTail, Shown, Viewer

MOST_VIEWERS: Final = 2_000
MOST_OF_ONE: Final = 20
ALIKE_KEPT: Final = 4_000
NOTHING: Final[frozenset[str]] = frozenset()


class Audience:
    """Every viewer with its place, and by what they look at whom it concerns."""

    def __init__(self, parts: Parts) -> None:
        self.viewers: set[Viewer] = set()
        self._parts = parts
        self._of_one: Counter[str] = Counter()
        self._watched: Counter[str] = Counter()
        self._followers: defaultdict[str, set[Viewer]] = defaultdict(set)
        self._alike: dict[Shown, Shown] = {}

    @property
    def looking(self) -> Iterator[Viewer]:
        """Yield every page that is in view."""
        return (viewer for viewer in self.viewers if viewer.looks)

    def admit(self, person: Person, may_stay: Callable[[], bool]) -> Viewer | None:
        """Return a place for a page, None when there is none left."""
        if len(self.viewers) >= MOST_VIEWERS or self._of_one[person.name] >= MOST_OF_ONE:
            return None
        viewer = Viewer(person.name, person.session, may_stay, asyncio.get_running_loop().time())
        self.viewers.add(viewer)
        self._of_one[person.name] += 1
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Take back the page's place."""
        self.viewers.discard(viewer)
        self.turn_away(viewer)
        self._follow(viewer, None)
        self._of_one[viewer.name] -= 1
        self._of_one += Counter()

    def shown(self, jobs: Sequence[str], topics: Sequence[str]) -> Shown:
        """Return what a page says it shows; pages that show the same have the same one."""
        shown = Shown.of(jobs, topics, self._parts.topics)
        if len(self._alike) > ALIKE_KEPT:
            self._alike = {viewer.shown: viewer.shown for viewer in self.viewers if viewer.shown}
        return self._alike.setdefault(shown, shown)

    def attend(self, viewer: Viewer, shown: Shown, log: LogTail | None) -> None:
        """Take note of what a page shows now."""
        viewer.shown, viewer.hidden_since = shown, None
        self._watch(viewer, shown.topics)
        self._follow(viewer, log)

    def turn_away(self, viewer: Viewer) -> None:
        """Take note that nobody looks at the page."""
        self._watch(viewer, NOTHING)

    def turn_back(self, viewer: Viewer) -> None:
        """Take note that somebody looks at the page again."""
        viewer.hidden_since = None
        if viewer.shown is not None:
            self._watch(viewer, viewer.shown.topics)

    def forget(self, viewer: Viewer) -> None:
        """Take note that a page is to say anew what it shows."""
        self.turn_away(viewer)
        self._follow(viewer, None)

    def followers(self, run_id: str) -> tuple[Viewer, ...]:
        """Return the pages that follow this run's log."""
        return tuple(self._followers.get(run_id, ()))

    def _watch(self, viewer: Viewer, topics: frozenset[str]) -> None:
        if topics != viewer.watching:
            self._watched.subtract(viewer.watching)
            self._watched.update(topics)
            self._watched = +self._watched
            viewer.watching, self._parts.watched = topics, frozenset(self._watched)

    def _follow(self, viewer: Viewer, log: LogTail | None) -> None:
        if viewer.log is not None:
            followers = self._followers[viewer.log.run_id]
            followers.discard(viewer)
            if not followers:
                del self._followers[viewer.log.run_id]
        viewer.log = log
        if log is not None:
            self._followers[log.run_id].add(viewer)
