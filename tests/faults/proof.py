"""The harness itself put to the proof: a store that was spoilt on purpose must be found out."""

import os
import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.faults.calls import Kind
from tests.faults.children import KILLED
from tests.faults.gate import guarded, inside_only
from tests.faults.looking import found_in
from tests.faults.model import Model
from tests.faults.plans import Heard, KillAt
from tests.faults.power import recorded
from tests.faults.reports import Effort, Tally

CUTS = 3
LENGTH = 600


def _never_flushes() -> None:
    for name in ("fsync", "fdatasync"):
        setattr(os, name, lambda _: None)


def _writes_less() -> None:
    """Lose a byte now and then, without a word."""
    write, chance = os.write, random.Random(0)

    def most_of(descriptor: int, data: bytes) -> int:
        whole = bytes(data)
        write(descriptor, whole[: -1 if chance.random() < 0.02 else None])
        return len(whole)

    setattr(os, "write", most_of)  # noqa: B010 - as above


SPOILT: Mapping[str, Callable[[], None]] = {
    "never flushes": _never_flushes,
    "loses a byte now and then": _writes_less,
}


def what_the_gate_sees(effort: Effort, place: Path) -> Tally:
    """Do one thing of each kind; all are seen in order, and a kill leaves what was done before it and no more."""
    tally = Tally("the gate: sees, kills, tears and refuses")
    plan = Heard()
    plan.armed = True
    folder = place / "seen"
    folder.mkdir()
    code = guarded(lambda: _one_of_each(folder), folder, place / "told", plan)
    seen = [call.kind for call in plan.calls]
    tally.tried([] if (code, seen) == (0, EACH) else [f"it ended with {code} and saw {seen}"], where="seeing")
    for number in range(1, len(EACH) + 1):
        folder = place / f"killed-{number}"
        folder.mkdir()
        kill = KillAt(number, torn=True)
        kill.armed = True
        code = guarded(lambda: _one_of_each(folder), folder, place / "told", kill)  # noqa: B023 - called at once
        there = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        wanted = LEFT[number - 1]
        wrongs = [] if (code, there) == (KILLED, wanted) else [f"it ended with {code} and left {there}"]
        tally.tried(wrongs, where=f"killed at call {number}")
    return tally


EACH = [Kind.FOLDER, Kind.CREATE, Kind.WRITE, Kind.CUT, Kind.SYNC, Kind.LINK, Kind.RENAME, Kind.UNLINK]
LEFT: tuple[dict[str, bytes], ...] = (
    {},
    {},
    {"one": b"four"},
    {"one": b"four five"},
    {"one": b"four"},
    {"one": b"four"},
    {"one": b"four", "two": b"four"},
    {"three": b"four", "two": b"four"},
)
"""What is there after a kill at each of these calls; a write was half done."""


def _one_of_each(folder: Path) -> None:
    (folder / "inner").mkdir()
    one = folder / "inner" / "one"
    descriptor = os.open(one, os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(descriptor, b"four five")
    os.ftruncate(descriptor, 4)
    os.fsync(descriptor)
    (folder / "two").hardlink_to(one)
    one.rename(folder / "three")
    (folder / "two").unlink()


def spoilt_stores(effort: Effort, place: Path) -> Tally:
    """Cut the power under stores that keep less than they say; each of them is found out."""
    tally = Tally("stores that were spoilt on purpose, found out")
    if reason := inside_only():
        tally.notes.append(f"NOT TRIED: {reason}, and without it not every call is seen")
        return tally
    chance = random.Random(effort.seed)
    for name, spoil in SPOILT.items():
        folder = place / name.replace(" ", "-")
        folder.mkdir(mode=0o700)
        recording = recorded(folder, str(effort.seed), LENGTH, spoil=spoil)
        found_out = 0
        for _ in range(CUTS):
            moment = chance.randrange(LENGTH // 2, len(recording.happened) + 1)
            left = place / "left"
            shutil.rmtree(left, ignore_errors=True)
            recording.leave(moment, chance, left)
            model = Model()
            model.hear_all(recording.told_until(moment))
            found = found_in(left)
            found.problems.clear()
            found_out += bool(model.wrongs(found))
        tally.tried([] if found_out else ["nobody noticed"], where=f"a store that {name}")
        tally.count("noticed", found_out)
    return tally
