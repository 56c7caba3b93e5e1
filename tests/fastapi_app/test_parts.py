"""Pieces of pages that are drawn once for everybody who looks, heard without sockets."""

import asyncio
import json

import pytest

from core.events import LogGrew, RunMoved, RunProgressed
from core.people import Role
from core.states import RunState
from fastapi_app.auth import Person
from fastapi_app.hub import Flush, Hub
from fastapi_app.painter import Painter
from fastapi_app.parts import Parts
from fastapi_app.viewers import Viewer
from tests.builders import a_kept_run

pytestmark = pytest.mark.anyio

ADA = Person(name="ada", role=Role.ADMIN, session="key")
RUN = a_kept_run("run", "job", state=RunState.RUNNING)
MOVED = RunMoved(run=RUN, was=RunState.QUEUED)


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Easel:
    """A hub with one part, and a clock of its own."""

    def __init__(self, world) -> None:
        self.now = 0.0
        self.words = "nothing yet"
        self.drawn = 0
        self.parts = Parts(lambda: self.now)
        self.hub = Hub(world.house.scribe, lambda: 1763710927.5, self.parts)
        self.painter = Painter(world.house.service.events, self.hub, self.parts)
        self.parts.add("board", "says", self._draw)

    def _draw(self) -> str:
        self.drawn += 1
        return f'<p id="says">{self.words}</p>'

    def happens(self, words: str) -> None:
        """Let something happen, after which the part has these words."""
        self.words = words
        self.parts.take(MOVED)

    async def paints(self, seconds: float = 1.0) -> None:
        """Let some time pass, and draw what is due."""
        self.now += seconds
        await self.painter.paint()

    def looks(self, *topics: str, seen: int | None = None) -> Viewer:
        """Return a page that shows these topics."""
        viewer = self.hub.admit(ADA, lambda: True)
        assert viewer is not None
        self.hub.subscribe(
            viewer, self.hub.epoch, self.hub.seq if seen is None else seen, self.hub.shown([], topics), None
        )
        return viewer

    async def told(self, viewer: Viewer):
        """Return the words that the page is told now, None without any."""
        text = await self.hub.next_frame(viewer)
        pieces = dict(json.loads(text).get("h", [])) if text else {}
        return pieces["says"].removeprefix('<p id="says">').removesuffix("</p>") if pieces else None

    async def polled(self, seen: int):
        """Return the words that a page which polls is told, and the number it has then."""
        shown = self.hub.shown([], ["board"])
        await self.hub.freshen(shown)
        said = json.loads(await self.hub.frame_since(seen, shown, None))
        return dict(said.get("h", [])).get("says"), said["s"]


@pytest.fixture
def easel(world):
    return Easel(world)


async def test_a_live_part_is_drawn_once_for_all_who_look(easel):
    viewers = [easel.looks("board") for _ in range(12)]
    other = easel.looks("counts")
    await easel.paints()
    await easel.paints()
    before = easel.drawn

    easel.happens("2 run")
    await easel.paints()

    assert {await easel.told(viewer) for viewer in viewers} == {"2 run"}
    assert await easel.told(other) is None
    assert easel.drawn == before + 1


async def test_a_live_part_that_looks_the_same_is_not_sent(easel):
    viewer = easel.looks("board")
    await easel.paints()

    easel.parts.take(MOVED)
    await easel.paints()

    assert await easel.told(viewer) is None


async def test_only_what_concerns_a_part_has_it_drawn_again(easel):
    easel.looks("board")
    await easel.paints()
    await easel.paints()
    before = easel.drawn

    easel.parts.take(RunProgressed(run=RUN))
    easel.parts.take(LogGrew(run_id="run", lines=3))
    await easel.paints()

    assert easel.drawn == before


async def test_a_live_part_is_drawn_at_most_once_a_second(easel):
    viewer = easel.looks("board")
    await easel.paints()
    await easel.paints()
    before = easel.drawn

    for number in range(50):
        easel.happens(f"{number} run")
        await easel.paints(0.02)
    await easel.paints()

    assert easel.drawn == before + 2
    assert await easel.told(viewer) == "49 run"


async def test_nobody_looks_and_nothing_is_drawn(easel):
    for number in range(10):
        easel.happens(f"{number} run")
        await easel.paints()

    assert easel.drawn == 0


async def test_what_happens_between_a_page_and_its_first_word_is_not_lost(easel):
    seen = easel.hub.seq
    easel.happens("it failed")
    await easel.hub.publish(Flush(jobs={"job": True}))

    early, late = easel.looks("board", seen=seen), easel.looks("board")
    await easel.paints()

    assert await easel.told(early) == "it failed"
    assert await easel.told(late) in {None, "it failed"}


async def test_a_page_that_comes_back_gets_the_parts_that_changed(easel):
    first = easel.looks("board")
    await easel.paints()
    seen = easel.hub.seq
    easel.hub.leave(first)
    easel.happens("changed unseen")

    back = easel.looks("board", seen=seen)
    await easel.paints()
    others_drawn, again = easel.drawn, easel.looks("board", seen=seen)

    assert await easel.told(back) == "changed unseen"
    assert await easel.told(again) == "changed unseen"
    assert easel.drawn == others_drawn
    assert await easel.told(easel.looks("board")) is None


async def test_a_change_that_is_taken_back_unseen_corrects_the_page_drawn_between(easel):
    watching = easel.looks("board")
    await easel.paints()
    easel.happens("running")
    await easel.hub.publish(Flush(jobs={"job": True}))
    drawn_between = easel.hub.seq
    easel.happens("nothing yet")

    between = easel.looks("board", seen=drawn_between)
    await easel.paints()

    assert await easel.told(between) == "nothing yet"
    assert await easel.told(watching) in {None, "nothing yet"}


async def test_what_others_gather_later_is_drawn_a_moment_later(easel):
    viewer = easel.looks("board")
    await easel.paints()
    easel.happens("1 ended")
    await easel.paints()
    first = await easel.told(viewer)

    easel.words = "1 ended, 4 MB moved"
    await easel.paints()

    assert (first, await easel.told(viewer)) == ("1 ended", "1 ended, 4 MB moved")


async def test_ages_grow_on_open_pages(easel):
    easel.words = '<time datetime="2026-11-21T07:00Z">42 min ago</time>, never late'
    viewer = easel.looks("board")
    await easel.paints()
    await easel.paints()

    easel.words = '<time datetime="2026-11-21T07:00Z">43 min ago</time>, never late'
    easel.parts.age()
    await easel.paints()
    ticked = await easel.told(viewer)
    easel.words = '<time datetime="2026-11-21T07:00Z">44 min ago</time>, late'
    easel.parts.age()
    await easel.paints()

    assert ticked is None
    assert "late" in await easel.told(viewer)


async def test_polling_gets_live_parts_too(easel):
    seen = easel.hub.seq
    nothing, number = await easel.polled(seen)

    easel.happens("polled")
    first, after = await easel.polled(number)
    again, last = await easel.polled(after)

    assert nothing is None
    assert "polled" in first
    assert after > number
    assert again is None
    assert last == after


async def test_a_part_that_is_stale_again_while_a_page_catches_up_comes_afterwards(easel):
    easel.looks("board")
    await easel.paints()
    seen = easel.hub.seq
    easel.happens("missed")
    await easel.hub.publish(Flush(moved=1))
    viewer = easel.looks("board", seen=seen)
    await easel.paints()

    easel.happens("missed")
    meanwhile = await easel.told(viewer)
    await easel.paints()

    assert meanwhile is None
    assert await easel.told(viewer) == "missed"


async def test_a_hidden_page_gets_no_parts_until_it_is_shown(easel):
    viewer = easel.looks("board")
    await easel.paints()
    seen = easel.hub.seq
    easel.hub.hide(viewer)

    easel.happens("meanwhile")
    await easel.paints()
    hidden = await easel.told(viewer)
    easel.hub.show(viewer, seen)
    await easel.paints()

    assert hidden is None
    assert await easel.told(viewer) == "meanwhile"


async def test_a_part_that_cannot_be_drawn_keeps_no_other_from_it(easel, caplog):
    def fails() -> str:
        raise ZeroDivisionError

    easel.parts.add("board", "broken", fails)
    viewer = easel.looks("board")
    await easel.paints()

    easel.happens("still told")
    await easel.paints()

    assert await easel.told(viewer) == "still told"
    assert "broken" in caplog.text


async def test_a_slow_page_has_one_entry_for_each_part_waiting(easel):
    viewer = easel.looks("board")
    await easel.paints()

    for number in range(100):
        easel.happens(f"{number} run")
        await easel.paints()

    assert viewer.pending is not None
    assert len(viewer.pending.pieces) == 1
    assert await easel.told(viewer) == "99 run"


async def test_the_painter_is_woken_by_what_happens(easel, world):
    easel.painter.pace = 0.0
    viewer = easel.looks("board")
    task = asyncio.create_task(easel.painter.run())
    while easel.drawn < 2:  # noqa: ASYNC110 - it has nobody to tell
        await asyncio.sleep(0)

    easel.words = "woken"
    world.house.service.events.publish(MOVED)
    while (said := await easel.told(viewer)) is None:
        await viewer.awake.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert said == "woken"
