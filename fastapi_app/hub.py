"""Who is connected, and what they have been sent.

Every live thing has the number of its last change (`seq`). A page says the last number it saw
and gets the present state of just what it shows and what changed since; nothing is replayed, so
no gap can be too long. All of this lives on the event loop.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi_app.audience import Audience
from fastapi_app.auth import Person
from fastapi_app.frames import Batch, Drawn, Row, beat, frame, reset
from fastapi_app.parts import Part, Parts
from fastapi_app.protocols import framed
from fastapi_app.scribe import Scribe
from fastapi_app.viewers import GONE_QUIET, RIGHTS_GONE, LogTail, Shown, Viewer

BEAT_AFTER: Final = 15.0
RIGHTS_CHECKED_EVERY: Final = 60.0
HIDDEN_TOLD_EVERY: Final = 10.0
HIDDEN_AT_MOST: Final = 300.0
MOVES_KEPT: Final = 1_000
DRAWN_AT_ONCE: Final = 50
"""Rows of fields that are drawn before others have the event loop; a whole row gives it back at once."""


@dataclass(slots=True)
class Version:
    """When a job last changed, and when its state or definition last did."""

    fields: int = 0
    whole: int = 0


NEVER: Final = Version()


@dataclass(kw_only=True)
class Flush:
    """What has happened since the flush before, by id; True is a change of more than fields.

    `edited` are the jobs that were changed in their files, with what was changed in words, `unusual` those of which
    a run was unlike the ones before it, and how.
    """

    jobs: Mapping[str, bool] = field(default_factory=dict)
    moved: int = 0
    noticed: tuple[str, ...] = ()
    edited: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unusual: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Hub:
    """Knows every viewer, and the version of everything that changed since the start."""

    patience = 10.0
    """Seconds that a page may take to take in one frame."""

    def __init__(self, scribe: Scribe, wall_clock: Callable[[], float], parts: Parts | None = None) -> None:
        self.epoch = secrets.token_hex(4)
        self.seq = 1
        self._scribe = scribe
        self._parts = parts or Parts()
        self._parts.number = lambda: self.seq
        self._audience = Audience(self._parts)
        self._wall_clock = wall_clock
        self._versions: dict[str, Version] = {}
        self._rows: dict[str, Row] = {}
        self._kept: dict[tuple[str, bool], tuple[int, Drawn]] = {}
        self._counts: Mapping[str, Any] = {}
        self._counts_seq = 0
        self._moves: deque[int] = deque(maxlen=MOVES_KEPT)

    @property
    def _viewers(self) -> set[Viewer]:
        return self._audience.viewers

    @property
    def somebody_looks(self) -> bool:
        """Tell whether any page is in view."""
        return any(viewer.looks for viewer in self._viewers)

    @property
    def connected(self) -> int:
        """Return how many pages are connected."""
        return len(self._viewers)

    # Coming and going

    def admit(self, person: Person, may_stay: Callable[[], bool]) -> Viewer | None:
        """Return a place for a page, None when there is none left."""
        return self._audience.admit(person, may_stay)

    def leave(self, viewer: Viewer) -> None:
        """Take back the page's place."""
        self._audience.leave(viewer)

    def end_session(self, key: str) -> None:
        """Close every page of a session that is over."""
        for viewer in self._viewers:
            if viewer.session == key:
                viewer.end(RIGHTS_GONE)

    # What pages say

    def subscribe(self, viewer: Viewer, epoch: str, seen: int, shown: Shown, log: LogTail | None) -> None:
        """Take note of what a page shows, and let it know what changed there since `seen`."""
        if epoch != self.epoch:
            self._reset(viewer)
            return
        before = viewer.shown
        self._audience.attend(viewer, shown, log)
        self._catch_up(viewer, seen)
        if before is not None and (new := (shown.jobs - before.jobs) & self._versions.keys()):
            viewer.offer_missed(viewer.seen if viewer.seen is not None else self._given_out(seen), new)

    def shown(self, jobs: Sequence[str], topics: Sequence[str]) -> Shown:
        """Return what a page says it shows; pages that show the same have the same one."""
        return self._audience.shown(jobs, topics)

    def _reset(self, viewer: Viewer) -> None:
        self._audience.forget(viewer)
        viewer.offer_reset()

    def hide(self, viewer: Viewer) -> None:
        """Tell the page no more than counts."""
        viewer.hidden_since, viewer.seen = _now(), None
        self._audience.turn_away(viewer)
        viewer.pending = viewer.pending.counts_only() if viewer.pending else None

    def show(self, viewer: Viewer, seen: int) -> None:
        """Let the page know all it missed while it was hidden."""
        self._audience.turn_back(viewer)
        if viewer.shown is not None:
            self._catch_up(viewer, seen)

    def _catch_up(self, viewer: Viewer, seen: int) -> None:
        seen = self._given_out(seen)
        viewer.sent_seq = max(viewer.sent_seq, seen)
        viewer.forget_pending()
        viewer.known = frozenset()
        if viewer.shown is None:
            return
        self._parts.join(viewer.shown.topics, seen)
        if self.newest(viewer.shown) > seen:
            viewer.offer_missed(seen)
        viewer.offer_log()

    def _given_out(self, number: int) -> int:
        """Return the number a page says it saw; one that was never given out moves nothing of ours."""
        return min(number, self.seq)

    async def since(self, seen: int, shown: Shown, new: AbstractSet[str] = frozenset()) -> Batch:
        """Return the present state of what is shown and has changed after `seen`, and of what is `new` there."""
        versions = {job_id: self._versions[job_id] for job_id in shown.jobs & self._versions.keys()}
        moved = sum(1 for seq in self._moves if seq > seen)
        missed = {
            job_id: each.whole > seen
            for job_id, each in versions.items()
            if each.fields > seen or job_id in new
        }
        drawn = await self._draw(missed)
        self._parts.join(
            shown.topics, seen
        )  # those that something happened to since the page said what it shows
        lacking = self._parts.lacking(shown.topics, seen)
        return Batch.of(
            drawn,
            details=shown.details,
            counts=self._scribe.counts() if shown.counts and self._counts_seq > seen else None,
            moved=moved,
        ).then(Batch(pieces={part.element_id: part.piece for part in lacking}))

    def newest(self, shown: Shown) -> int:
        """Return the number of the last change of anything shown."""
        versions = (self._versions[job_id].fields for job_id in shown.jobs & self._versions.keys())
        newest_move = self._moves[-1] if self._moves else 0
        parts = self._parts.newest(shown.topics)
        return max((*versions, newest_move, parts, self._counts_seq if shown.counts else 0))

    # What the monitor says

    def renew(self) -> None:
        """Begin a new epoch: nobody knows any more what they missed."""
        self.epoch = secrets.token_hex(4)
        for viewer in self._viewers:
            self._reset(viewer)

    def is_recounted(self) -> bool:
        """Tell whether the counts are others than those that pages know."""
        return self._scribe.counts() != self._counts

    async def publish(self, flush: Flush) -> int:
        """Give everything that changed its number, and tell who shows it; returns how many rows."""
        self.seq += 1
        seq = self.seq
        self._mark(flush, seq)
        looking = list(self._audience.looking)
        if not looking:
            return 0
        views = {id(viewer.shown): viewer.shown for viewer in looking}
        shown = frozenset().union(*(view.jobs for view in views.values() if view))
        drawn = await self._draw_again(
            {job_id: whole for job_id, whole in flush.jobs.items() if job_id in shown}, shown
        )
        notices = [self._scribe.notice(job_id) for job_id in flush.noticed]
        notices += [self._scribe.edited(job_id, changes) for job_id, changes in flush.edited.items()]
        notices += [self._scribe.unusual(job_id, findings) for job_id, findings in flush.unusual.items()]
        everything = Batch(
            counts=self._counts if self._counts_seq == seq else None,
            moved=flush.moved,
            notices=tuple(notice for notice in notices if notice),
        )
        self._tell(looking, drawn, everything, seq)
        return len(drawn)

    def log_grew(self, run_id: str) -> None:
        """Let those who follow a run's log know that it has more."""
        for viewer in self._audience.followers(run_id):
            viewer.offer_log()

    def tell_parts(self, parts: Sequence[Part]) -> None:
        """Give parts that were drawn again a number, and tell who looks at their topics."""
        if not parts:
            return
        for part in parts:
            part.touched = max(part.touched, self.seq)
        self.seq += 1
        batches: dict[frozenset[str], Batch] = {}
        send = self._sender(self.seq)
        for viewer in self._audience.looking:
            if viewer.watching and (batch := _pieces_for(viewer.watching, parts, batches)):
                send(viewer, batch)

    def _mark(self, flush: Flush, seq: int) -> None:
        for job_id, whole in flush.jobs.items():
            version = self._versions.setdefault(job_id, Version())
            version.fields = seq
            version.whole = seq if whole else version.whole
        self._moves.extend(seq for _ in range(min(flush.moved, MOVES_KEPT)))
        if not self._viewers:  # counted when somebody asks
            self._counts_seq = seq
        elif (counts := self._scribe.counts()) != self._counts:
            self._counts, self._counts_seq = counts, seq

    async def _draw_again(self, jobs: Mapping[str, bool], shown: AbstractSet[str]) -> dict[str, Drawn]:
        """Draw jobs that are shown, with what differs from how they were drawn before."""
        drawn = {
            job_id: job.after(self._rows.get(job_id)) for job_id, job in (await self._draw(jobs)).items()
        }
        rows = self._rows | {job_id: job.row for job_id, job in drawn.items()}
        self._rows = {job_id: row for job_id, row in rows.items() if job_id in shown}
        return drawn

    async def _draw(self, jobs: Mapping[str, bool]) -> dict[str, Drawn]:
        """Draw each job once for all who catch up at about the same time; now and then let others have the loop."""
        drawn = {}
        for number, (job_id, whole) in enumerate(jobs.items(), 1):
            version = self._versions.get(job_id, NEVER)
            if (found := self._kept.get((job_id, whole))) is None or found[0] != version.fields:
                found = self._kept[job_id, whole] = version.fields, self._scribe.job(job_id, whole=whole)
                if whole or number % DRAWN_AT_ONCE == 0:
                    await asyncio.sleep(0)
            drawn[job_id] = found[1]
        return drawn

    def _tell(self, looking: list[Viewer], drawn: Mapping[str, Drawn], everything: Batch, seq: int) -> None:
        """Offer each viewer its part; those that show and know the same share one batch, and its text."""
        shared: dict[tuple[Shown, frozenset[str]], tuple[Batch, frozenset[str]]] = {}
        send = self._sender(seq)
        for viewer in looking:
            if viewer.shown is None or not viewer.looks:  # it went while jobs were drawn
                continue
            alike = viewer.shown, viewer.known
            if (found := shared.get(alike)) is None:
                part = {job_id: job for job_id, job in drawn.items() if job_id in viewer.shown.jobs}
                found = shared[alike] = (
                    _part_for(viewer.shown, viewer.known, part, everything),
                    viewer.known.union(part),
                )
            batch, viewer.known = found
            if batch:
                send(viewer, batch)

    def _sender(self, seq: int) -> Callable[[Viewer, Batch], None]:
        """Return how to send batches at once to viewers for whom nothing waits, and let them wait for the others.

        A frame is written once, however many viewers share its batch.
        """
        now, at = _now(), int(self._wall_clock())
        wires: dict[int, bytes] = {}

        def send(viewer: Viewer, batch: Batch) -> None:
            if (wire := wires.get(id(batch))) is None:
                wire = wires[id(batch)] = framed(frame(self.epoch, seq, at, batch.body))
            if not viewer.takes(wire, seq, now):
                viewer.offer(batch, seq)

        return send

    # What time asks for

    def tick(self) -> None:
        """See to beats, hidden pages, bells and rights; call it about once a second."""
        now = _now()
        self._ring()
        self._kept.clear()  # ages in it have gone on
        for viewer in tuple(self._viewers):
            if now - viewer.checked_at >= RIGHTS_CHECKED_EVERY:
                viewer.checked_at = now
                if not viewer.may_stay():
                    viewer.end(RIGHTS_GONE)
            if viewer.hidden_since is not None:
                self._tick_hidden(viewer, now)
            if now - viewer.sent_at >= BEAT_AFTER:
                viewer.offer_beat()

    def _ring(self) -> None:
        """Tell everybody who looks how many notices they have not seen, where that is another number."""
        unread: dict[str, int] = {}
        for viewer in self._audience.looking:
            if viewer.shown is None or not viewer.shown.counts:
                continue
            if viewer.name not in unread:
                unread[viewer.name] = self._scribe.unread(viewer.name)
            if viewer.unread != unread[viewer.name]:
                viewer.unread = unread[viewer.name]
                viewer.offer(Batch(counts={"unread": viewer.unread or ""}), self.seq)

    def _tick_hidden(self, viewer: Viewer, now: float) -> None:
        if viewer.hidden_since is not None and now - viewer.hidden_since >= HIDDEN_AT_MOST:
            viewer.end(GONE_QUIET)
        elif (
            viewer.shown is not None
            and viewer.shown.counts
            and now - viewer.sent_at >= HIDDEN_TOLD_EVERY
            and self._counts_seq > viewer.sent_seq
        ):
            viewer.offer(Batch(counts=self._counts), self.seq)

    # What is sent

    async def next_frame(self, viewer: Viewer) -> str | None:
        """Return what is to be sent to the viewer now, None if there is nothing after all."""
        viewer.awake.clear()
        if viewer.needs_reset:
            viewer.needs_reset = viewer.needs_beat = False
            return self._sent(viewer, reset(self.epoch))
        batch, seq = await self._waiting_for(viewer)
        log = await self._log_for(viewer)
        if not batch and not log:
            beating, viewer.needs_beat = viewer.needs_beat, False
            return self._sent(viewer, beat(self.seq)) if beating else None
        viewer.needs_beat = False
        if seq <= viewer.sent_seq or log:
            seq = self._number_above(viewer.sent_seq)
        viewer.sent_seq = seq
        number = seq if viewer.hidden_since is None else None
        return self._sent(viewer, frame(self.epoch, number, int(self._wall_clock()), batch.body + log))

    async def _waiting_for(self, viewer: Viewer) -> tuple[Batch, int]:
        """Take what waits for the page, and the number of the last change in it.

        What is published while it catches up waits for the next frame.
        """
        batch, seq, seen, shown = viewer.pending or Batch(), viewer.pending_seq, viewer.seen, viewer.shown
        if seen is None or shown is None:
            viewer.pending = viewer.seen = None
            return batch, seq
        viewer.forget_pending()
        viewer.seen, new, viewer.new = None, viewer.new, frozenset()
        viewer.known, seq = frozenset(), self.seq
        return (await self.since(seen, shown, new)).then(Batch(notices=batch.notices)), seq

    def _sent(self, viewer: Viewer, text: str) -> str:
        viewer.sent_at = _now()
        return text

    def _number_above(self, seen: int) -> int:
        """Return a number that the page has not seen, so that it does not drop the frame."""
        if self.seq <= seen:
            self.seq = seen + 1
        return self.seq

    async def _log_for(self, viewer: Viewer) -> str:
        tail = viewer.log
        if tail is None or not tail.grown or viewer.hidden_since is not None:
            return ""
        tail.grown = False
        tail.after, said = await asyncio.to_thread(self._scribe.log, tail.run_id, tail.after)
        return said if viewer.log is tail else ""

    async def freshen(self, shown: Shown) -> None:
        """See that the parts a page shows are drawn as they are now, also while nobody else looks."""
        self.tell_parts(await self._parts.redraw(lambda: self._parts.wanted(shown.topics)))

    async def frame_since(self, seen: int, shown: Shown, log: LogTail | None) -> str:
        """Return one frame with all that changed after `seen`, for a page that polls."""
        seen = self._given_out(seen)
        anything = log is not None or self.newest(shown) > seen
        seq = self._number_above(seen) if anything else self.seq  # what happens from now on has a higher one
        batch, said = await self.since(seen, shown), ""
        if log is not None:
            _, said = await asyncio.to_thread(self._scribe.log, log.run_id, log.after)
        return frame(self.epoch, seq, int(self._wall_clock()), batch.body + said)


def _part_for(shown: Shown, known: AbstractSet[str], drawn: Mapping[str, Drawn], everything: Batch) -> Batch:
    return Batch.of(
        drawn,
        known,
        details=shown.details,
        counts=everything.counts if shown.counts else None,
        moved=everything.moved,
        notices=everything.notices,
    )


def _pieces_for(topics: frozenset[str], parts: Sequence[Part], batches: dict[frozenset[str], Batch]) -> Batch:
    """Return the parts for those who look at these topics; all of them share one batch."""
    if topics not in batches:
        batches[topics] = Batch(
            pieces={part.element_id: part.piece for part in parts if part.topic in topics}
        )
    return batches[topics]


def _now() -> float:
    return asyncio.get_running_loop().time()
