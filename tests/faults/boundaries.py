"""Processes killed at every boundary of every command: before each call that changes the disk, and in mid-write."""

import random
from pathlib import Path

from tests.faults.calls import Kind
from tests.faults.children import KILLED
from tests.faults.looking import found_in
from tests.faults.model import Found, Model
from tests.faults.plans import Heard, KillAt
from tests.faults.reports import Effort, Tally
from tests.faults.scenes import SCENES, Scene, copy_of, play, prepare


def kills_at_boundaries(effort: Effort, place: Path) -> Tally:
    """Kill each command at each of its calls; what was acknowledged is there, the rest whole or not."""
    tally = Tally("kill -9 at every write boundary")
    chance = random.Random(effort.seed)
    for left in ("closed", "killed"):
        prepared = place / left
        before = prepare(prepared, left, close=left == "closed")
        names = list(SCENES) if effort.whole else chance.sample(list(SCENES), 3)
        for name in names:
            scene = SCENES[name]
            strikes = _strikes(scene, prepared, place / "dry", tally, name)
            if not effort.whole:
                strikes = chance.sample(strikes, min(2, len(strikes)))
            for number, torn in strikes:
                plan = KillAt(number, torn=torn)
                folder = copy_of(prepared, place / "struck")
                _strike(scene, folder, plan, before, tally, f"{name}, {left} before")
    return tally


def _strikes(scene: Scene, prepared: Path, folder: Path, tally: Tally, name: str) -> list[tuple[int, bool]]:
    """Return where to kill: at each call, and in each write."""
    plan = Heard()
    code = play(scene, copy_of(prepared, folder), plan)
    if code:
        tally.tried([f"it ended with {code} though nothing was done to it"], where=name)
    torn = [(at, True) for at, call in enumerate(plan.calls, 1) if call.kind == Kind.WRITE]
    return [*((at, False) for at in range(1, len(plan.calls) + 1)), *torn]


def _strike(scene: Scene, folder: Path, plan: KillAt, before: Found, tally: Tally, name: str) -> None:
    code = play(scene, folder, plan)
    where = f"{name}, killed at call {len(plan.calls)} ({plan.struck})"
    model = Model()
    model.accept(before)
    model.hear_all(plan.lines)
    wrongs = model.wrongs(found_in(folder))
    if code not in {0, KILLED}:
        wrongs.append(f"it ended with {code}")
    tally.tried(wrongs, where=where)
