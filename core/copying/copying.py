"""The second stage: the crew copies what the plan says, then links and folders are finished."""

import os
from collections.abc import Iterator, Mapping
from typing import Final

from core.copying.desk import Desk
from core.copying.messages import (
    CopyUnit,
    LinkPair,
    MakeLinks,
    Planned,
    Reply,
    SettleFolders,
    SyncAll,
    unpack_pair,
    unpack_planned,
)
from core.models import Progress
from core.sizes import size as size_in_words

BATCH: Final = 256


class Copy:
    """Hands out the units of the plan that have something to copy."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._files = desk.files
        self._next = 0
        self._before = self._files.copied.replay(desk.account)
        counts = desk.notes
        self._meter = desk.meter("copy", counts.work_bytes, counts.work_files)

    def run(self) -> None:
        """Copy everything, then finish links and folders, and bring it to the disk."""
        self._tell()
        with self._desk.timed("copy"):
            self._desk.work(self._following, self._take, self.progress)
            self._link()
            self._settle()
        if len(self._files.settle) or len(self._files.plan) or len(self._files.links):
            with self._desk.timed("sync"):
                self._desk.one(SyncAll(), self.progress)

    def _tell(self) -> None:
        sums = self._desk.notes.sums
        self._desk.control.info(f"{'; '.join(work_in_words(sums))}.")
        found = os.fstatvfs(self._desk.destination)
        free = found.f_bavail * found.f_frsize
        if free < sums.get("copy_bytes", 0):
            room = size_in_words(free)
            self._desk.control.warn(f"The destination may not have room: only {room} are free.")

    def _following(self) -> tuple[tuple[int, Planned], CopyUnit] | None:
        while self._next < len(self._files.plan):
            number = self._next
            self._next += 1
            if number in self._files.copied:
                continue
            unit = unpack_planned(self._files.plan[number])
            if unit.work_files:
                return (number, unit), CopyUnit(unit.unit)
        return None

    def _take(self, key: tuple[int, Planned], reply: Reply) -> None:
        number, unit = key
        self._desk.take(reply)
        if reply.kind == "broken":
            return
        self._files.copied.finish(number, reply, (unit.work_bytes, unit.work_files))

    def progress(self) -> Progress:
        """Return how far copying is."""
        size, files = self._desk.board.counted()
        before_size, before_files = self._before
        after = None if self._desk.wishes.verify == "fast" else self._proof_seconds
        return self._meter.progress(before_size + size, before_files + files, after)

    def _proof_seconds(self, rate: float) -> float:
        """Return how long the proof will take if it reads as fast as the copy writes."""
        return self._desk.notes.plan_bytes / rate

    def _link(self) -> None:
        """Give files their further names."""
        links = self._files.links
        places = iter(range(0, len(links), BATCH))

        def following() -> tuple[int, MakeLinks] | None:
            start = next(places, None)
            if start is None:
                return None
            pairs = self._pairs(start)
            return start, MakeLinks(pairs)

        self._desk.work(following, self._take_linked, self.progress)

    def _take_linked(self, _: int, reply: Reply) -> None:
        self._desk.take(reply)
        self._desk.notes.told_names += [problem.path for problem in reply.problems]

    def _pairs(self, start: int) -> tuple[LinkPair, ...]:
        links = self._files.links
        return tuple(unpack_pair(links[place]) for place in range(start, min(start + BATCH, len(links))))

    def _settle(self) -> None:
        """Give folders their modes and times, the deepest first, by one member in this order."""
        settle = self._files.settle
        ends = iter(range(len(settle), 0, -BATCH))

        def following() -> tuple[int, SettleFolders] | None:
            end = next(ends, None)
            if end is None:
                return None
            places = range(end - 1, max(end - BATCH, 0) - 1, -1)
            return end, SettleFolders(tuple(settle[place] for place in places))

        self._desk.work(following, lambda _, reply: self._desk.take(reply), self.progress, members=1)


def work_in_words(sums: Mapping[str, int]) -> Iterator[str]:
    """Yield what there is to do, from how many files and bytes each action has."""
    if copied := sums.get("copy", 0):
        noun = "file or link" if copied == 1 else "files and links"
        yield f"{copied:,} {noun} to copy, {size_in_words(sums['copy_bytes'])}"
    else:
        yield "Nothing to copy"
    if compared := sums.get("compare", 0):
        noun = "file" if compared == 1 else "files"
        yield f"{compared:,} {noun} to compare by content, {size_in_words(sums['compare_bytes'])}"
    if touched := sums.get("touch", 0):
        yield (
            f"{touched:,} file to be given its mode or owner"
            if touched == 1
            else (f"{touched:,} files to be given their modes or owners")
        )
