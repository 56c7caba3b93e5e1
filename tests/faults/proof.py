"""The harness itself put to the proof: a store that was spoilt on purpose must be found out."""

import os
import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.faults.gate import inside_only
from tests.faults.looking import found_in
from tests.faults.model import Model
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
