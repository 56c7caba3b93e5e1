"""What every stage of a copy has at hand, and how it tells how far it is."""

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from core.clock import SystemClock
from core.copying.crew import Crew, Following
from core.copying.messages import Reply, Request
from core.copying.meter import Meter
from core.copying.paces import here, pace_in, rate_at
from core.copying.roots import Roots
from core.copying.state import Files, Notes, save_notes
from core.copying.wishes import Control, Stopped, Wishes
from core.models import Progress

REPORT_SECONDS: Final = 0.2


class Desk:
    """One attempt: the wishes, the run it belongs to, the crew, and what is kept on disk."""

    def __init__(
        self, wishes: Wishes, control: Control, roots: Roots, crew: Crew, files: Files, notes: Notes
    ) -> None:
        self.wishes = wishes
        self.control = control
        self.crew = crew
        self.board = crew.board
        self.destination = roots.destination
        self.files = files
        self.notes = notes
        self.resumed = notes.stage != "scan"
        self.account = copy.deepcopy(notes.account)
        self._paces = tuple(pace_in(line) for line in wishes.bandwidth_times)
        self._reported_at = 0.0

    def work(
        self,
        following: Following,
        on_reply: Callable[[Any, Reply], None],
        progress: Callable[[], Progress],
        members: int | None = None,
    ) -> None:
        """Let the crew do all there is. Raises Stopped when the run is asked to stop."""

        def on_tick() -> bool:
            self.report(progress())
            return self.control.asked is None

        if not self.crew.work(following, on_reply, on_tick, limit=self._limit_now, members=members):
            raise Stopped
        self.report(progress(), now=True)

    def _limit_now(self) -> int:
        """Return bytes a second at this moment of the day; 0 is as fast as it can."""
        wishes = self.wishes
        if not self._paces:
            return wishes.bandwidth_limit or 0
        return rate_at(self._paces, wishes.bandwidth_limit, here(SystemClock().now())) or 0

    def one(self, request: Request, progress: Callable[[], Progress]) -> Reply:
        """Let one member do one thing and return its answer."""
        requests = iter([("", request)])
        answers: list[Reply] = []
        self.work(
            lambda: next(requests, None),
            lambda _, reply: answers.append(reply),
            progress,
            members=1,
        )
        return answers[0]

    def report(self, progress: Progress, *, now: bool = False) -> None:
        """Tell how far the copy is, not more often than anybody can see."""
        moment = time.monotonic()
        if not now and moment - self._reported_at < REPORT_SECONDS:
            return
        self._reported_at = moment
        checkpoint = {"stage": progress.stage, "percent": progress.percent or 0.0}
        self.control.report(progress, checkpoint)

    def take(self, reply: Reply) -> None:
        """Count what a member answered."""
        self.account.count(reply.tally)
        if reply.problems:
            self.account.take(reply.problems, self.control)

    def enter(self, stage: str) -> None:
        """Keep that a stage has begun; whatever came before it is done."""
        self.files.flush()
        self.notes.stage = stage
        save_notes(self.files.folder, self.notes)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the seconds this takes to what the result says of the stage."""
        began = time.monotonic()
        try:
            yield
        finally:
            taken = time.monotonic() - began
            self.notes.seconds[name] = self.notes.seconds.get(name, 0.0) + taken

    def meter(self, stage: str, total_bytes: int, total_files: int) -> Meter:
        """Return the meter of a stage, which goes on from where the last attempt was seen."""
        last = self.control.checkpoint if self.resumed else {}
        floor = float(last.get("percent", 0.0)) if last.get("stage") == stage else 0.0
        self.board.clear()
        return Meter(stage, total_bytes, total_files, floor)
