"""The last stage: the destination is compared with the source, all of it, a sample, or by size."""

import copy
import secrets
from bisect import bisect_right
from typing import Any, Final

from core.copying.desk import Desk
from core.copying.messages import (
    Planned,
    ProblemKind,
    ProveUnit,
    Reply,
    WriteManifest,
    unpack_planned,
    unpack_unit,
)
from core.copying.sampling import draw, sample_size, sentence
from core.errors import EngineFailed
from core.models import Progress

Chosen = dict[int, tuple[int, ...]]
MANIFEST: Final = "manifest.b3"
BAD: Final[tuple[ProblemKind, ...]] = ("healed", "damaged", "unreadable")


def prove(desk: Desk) -> dict[str, Any]:
    """Compare, and return what was proved: mode, files, bytes and the sentence."""
    if desk.wishes.verify == "fast":
        return prove_fast(desk)
    if desk.wishes.verify == "sample" and not desk.notes.fallback:
        found = prove_sample(desk)
        if found is not None:
            return found
    return prove_full(desk)


def prove_full(desk: Desk) -> dict[str, Any]:
    """Read every file back."""
    Proof(desk, None).run()
    files, others = desk.account["proved"], desk.account["unproved"]
    if files + others != desk.notes.plan_files:
        message = f"{desk.notes.plan_files:,} files were found, but {files + others:,} were compared."
        raise EngineFailed(message, hint="This is a mistake in Holdfast; please report it.")
    words = f"All {files:,} files were read back from the destination and compared with the source."
    if others:
        words = f"{files:,} files were read back and are good; {others:,} could not be compared."
    return shape(desk, "full", words)


def prove_fast(desk: Desk) -> dict[str, Any]:
    """Look at the size and time of what was copied, and read nothing."""
    Proof(desk, None, bytes_too=False).run()
    words = "Only sizes and times were looked at; nothing was read back."
    return shape(desk, "fast", words) | {"files": desk.account["looked_at"]}


def prove_sample(desk: Desk) -> dict[str, Any] | None:
    """Read a random sample back; None: a bad file was in it, so that everything is to be read."""
    wishes, files = desk.wishes, desk.notes.plan_files
    size = sample_size(files, wishes.confidence, wishes.good_share)
    if not desk.notes.seed:
        desk.notes.seed = secrets.randbits(52) + 1
        desk.enter("verify")
    known = bad_files(desk)
    Proof(desk, chosen_places(desk, draw(files, size, desk.notes.seed))).run()
    if bad_files(desk) == known:
        words = sentence(size, files, wishes.confidence, wishes.good_share)
        return shape(desk, "sample", words) | {"sample": size, "population": files}
    desk.control.warn("The sample has a file that is not good, so every file is read back now.")
    desk.account.counts |= {"proved": 0, "proved_bytes": 0, "unproved": 0}
    desk.notes.account = copy.deepcopy(desk.account)
    desk.notes.fallback = True
    desk.files.prove_anew()
    desk.enter("verify")
    return None


def bad_files(desk: Desk) -> int:
    """Return how many files were found to be bad so far."""
    return sum(desk.account.problems.get(kind, 0) for kind in BAD)


def shape(desk: Desk, mode: str, words: str) -> dict[str, Any]:
    """Return what was proved as the result shows it."""
    account = desk.account
    return {
        "mode": mode,
        "files": account["proved"],
        "bytes": account["proved_bytes"],
        "sentence": words,
    }


def chosen_places(desk: Desk, drawn: list[int]) -> Chosen:
    """Return, for each unit that has drawn files, the places of their entries."""
    starts, total = [], 0
    for number in range(len(desk.files.plan)):
        starts.append(total)
        total += unpack_planned(desk.files.plan[number]).files
    chosen: dict[int, list[int]] = {}
    for place in drawn:
        number = bisect_right(starts, place) - 1
        chosen.setdefault(number, []).append(place - starts[number])
    return {number: file_places(desk, number, places) for number, places in chosen.items()}


def file_places(desk: Desk, number: int, places: list[int]) -> tuple[int, ...]:
    """Return where the unit's files of these numbers stand among its entries."""
    unit = unpack_unit(unpack_planned(desk.files.plan[number]).unit)
    files = [place for place, entry in enumerate(unit.entries) if entry.kind == "file"]
    return tuple(files[place] for place in places)


class Proof:
    """Hands out units to be compared."""

    def __init__(self, desk: Desk, chosen: Chosen | None, *, bytes_too: bool = True) -> None:
        self._desk = desk
        self._files = desk.files
        self._chosen = chosen
        self._bytes_too = bytes_too
        self._next = 0
        self._before = self._files.proved.replay(desk.account)
        total_bytes, total_files = self._totals()
        self._meter = desk.meter("verify", total_bytes, total_files)

    def _totals(self) -> tuple[int, int]:
        notes = self._desk.notes
        if self._chosen is None:
            return (notes.plan_bytes if self._bytes_too else 0), notes.plan_files
        return self._sample_bytes(), sum(len(places) for places in self._chosen.values())

    def _sample_bytes(self) -> int:
        total = 0
        for number, places in (self._chosen or {}).items():
            unit = unpack_unit(unpack_planned(self._files.plan[number]).unit)
            total += sum(unit.entries[place].size for place in places)
        return total

    def run(self) -> None:
        """Compare everything that was chosen."""
        self._desk.work(self._following, self._take, self.progress)

    def _following(self) -> tuple[tuple[int, Planned], ProveUnit] | None:
        while self._next < len(self._files.plan):
            number = self._next
            self._next += 1
            if number in self._files.proved:
                continue
            if self._chosen is not None and number not in self._chosen:
                continue
            unit = unpack_planned(self._files.plan[number])
            places = None if self._chosen is None else self._chosen[number]
            marks = self._files.copied.answer(number)
            return (number, unit), ProveUnit(unit.unit, marks, places, self._bytes_too)
        return None

    def _take(self, key: tuple[int, Planned], reply: Reply) -> None:
        number, unit = key
        self._desk.take(reply)
        if reply.kind == "broken":
            return
        self._files.proved.finish(number, reply, (unit.size, unit.files))

    def progress(self) -> Progress:
        """Return how far the comparison is."""
        size, files = self._desk.board.counted()
        before_size, before_files = self._before
        return self._meter.progress(before_size + size, before_files + files, lambda _: 0.0)


def write_manifest(desk: Desk) -> dict[str, Any]:
    """Write the list of digests into the workspace and say what it is called."""
    folder = desk.files.folder
    desk.files.flush()
    request = WriteManifest(
        str(folder / "plan"),
        str(folder / "copied"),
        str(folder / "proved"),
        str(desk.control.workspace / MANIFEST),
    )
    progress = Progress(stage="verify", percent=100.0, message="Writing the list of digests")
    reply = desk.one(request, lambda: progress)
    return {
        "manifest": MANIFEST,
        "manifest_digest": reply.body.hex(),
        "manifest_files": reply.tally["listed"],
    }
