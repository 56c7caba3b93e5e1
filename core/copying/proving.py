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
    SyncAll,
    WriteManifest,
    unpack_planned,
    unpack_unit,
)
from core.copying.sampling import draw, sample_size
from core.copying.tree_proof import FoldersProof, NamesProof
from core.copying.verdict import fast_words, full_words, manifest_words, sample_words
from core.errors import EngineFailed
from core.models import Progress

Chosen = dict[int, tuple[int, ...]]
MANIFEST: Final = "manifest.b3"
SYNCING: Final = Progress(stage="verify", percent=100.0, message="Bringing what was copied again to the disk")
REPAIRED: Final[tuple[ProblemKind, ...]] = ("healed", "followed")


def prove(desk: Desk) -> dict[str, Any]:
    """Compare, and return what was proved: mode, files, bytes and the sentence."""
    drawn = prove_files(desk)
    NamesProof(desk).run()
    if desk.wishes.verify != "fast" or desk.account.problems.get("vanished"):
        FoldersProof(desk).run()
    if desk.account["rewritten"]:
        desk.one(SyncAll(), lambda: SYNCING)
    return drawn | {"sentence": words_for(desk, drawn)}


def prove_files(desk: Desk) -> dict[str, Any]:
    """Compare the files, in the way that was asked for or, after a bad sample, all of them."""
    if desk.wishes.verify == "fast":
        return prove_fast(desk)
    if desk.wishes.verify == "sample" and not desk.notes.fallback:
        found = prove_sample(desk)
        if found is not None:
            return found
    return prove_full(desk)


def words_for(desk: Desk, found: dict[str, Any]) -> str:
    """Return what was proved in words, now that names and folders have been looked at too."""
    if found["mode"] == "full":
        return full_words(desk)
    if found["mode"] == "fast":
        return fast_words(desk)
    return sample_words(desk, found["sample"], found["population"])


def prove_full(desk: Desk) -> dict[str, Any]:
    """Read every file back."""
    Proof(desk, None).run()
    account = desk.account
    looked_at = account["proved"] + account["unproved"] + account["gone"]
    if looked_at != desk.notes.plan_files:
        message = f"{desk.notes.plan_files:,} files were found, but {looked_at:,} were compared."
        raise EngineFailed(message, hint="This is a mistake in Holdfast; please report it.")
    return proof_result(desk, "full")


def prove_fast(desk: Desk) -> dict[str, Any]:
    """Look at the size and time of what was copied, and read nothing."""
    Proof(desk, None, bytes_too=False).run()
    looked_at = desk.account["looked_at"] + desk.account["proved"]
    return proof_result(desk, "fast") | {"files": looked_at}


def prove_sample(desk: Desk) -> dict[str, Any] | None:
    """Read a random sample back; None: not all of it is good, so that everything is to be read."""
    wishes, files = desk.wishes, desk.notes.plan_files
    size = sample_size(files, wishes.confidence, wishes.good_share)
    if not desk.notes.seed:
        desk.notes.seed = secrets.randbits(52) + 1
        desk.enter("verify")
    Proof(desk, chosen_places(desk, draw(files, size, desk.notes.seed))).run()
    if desk.account["proved"] == size and not desk.account["rewritten"]:
        desk.notes.sampled = True
        return proof_result(desk, "sample") | {"sample": size, "population": files}
    desk.control.warn("The sample has a file that is not good, so every file is read back now.")
    prove_everything_instead(desk)
    return None


def prove_everything_instead(desk: Desk) -> None:
    """Begin the proof anew; of the sample only what was copied again is still true."""
    sampled = desk.account
    desk.account = copy.deepcopy(desk.notes.account)
    desk.account.carry(sampled, REPAIRED)
    desk.account.count({"rewritten": sampled["rewritten"]})
    desk.notes.account = copy.deepcopy(desk.account)
    desk.notes.fallback = True
    desk.files.prove_anew()
    desk.enter("verify")


def proof_result(desk: Desk, mode: str) -> dict[str, Any]:
    """Return how much was read back as the result shows it."""
    return {"mode": mode, "files": desk.account["proved"], "bytes": desk.account["proved_bytes"]}


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
        return self._meter.progress(before_size + size, before_files + files, None)


def write_manifest(desk: Desk) -> dict[str, Any]:
    """Write the list of digests into the workspace and say what it is called."""
    folder = desk.files.folder
    desk.files.flush()
    request = WriteManifest(
        str(folder / "plan"),
        str(folder / "copied"),
        str(folder / "proved"),
        str(folder / "names"),
        str(desk.control.workspace / MANIFEST),
        proved_only=desk.wishes.verify == "full" or desk.notes.fallback,
    )
    progress = Progress(stage="verify", percent=100.0, message="Writing the list of digests")
    reply = desk.one(request, lambda: progress)
    return {
        "manifest": MANIFEST,
        "manifest_digest": reply.body.hex(),
        "manifest_files": reply.tally["listed"],
        "manifest_sentence": manifest_words(reply.tally["listed"], reply.tally["listed_proved"]),
    }
