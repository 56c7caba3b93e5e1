"""What is done to a whole store, cut short anywhere: bringing it up, backing it up, restoring it."""

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.clock import SystemClock
from core.storage.own_backup import take_backup
from core.storage.restoring import opens_as_it_says, restore
from tests.faults.children import KILLED, ChildFailed, answer_of
from tests.faults.gate import guarded, inside_only
from tests.faults.looking import found_in
from tests.faults.model import Found
from tests.faults.plans import Heard, KillAt
from tests.faults.recording import Recording
from tests.faults.reports import Effort, Tally
from tests.faults.scenes import copy_of, prepare
from tests.faults.working import House

FORMAT_1: Final = Path(__file__).parents[1] / "core" / "storage" / "stores" / "format-1"
BACKUP: Final = Path("backups") / "own-state" / "one.tar.zst"


@dataclass(frozen=True)
class Undertaking:
    """Something that is done to the folder `before` it; afterwards, or after it was cut short, `right` is there."""

    name: str
    before: Path
    right: Found
    do: Callable[[Path], None]
    again: Callable[[Path], None] = lambda _: None

    def wrongs(self, folder: Path) -> list[str]:
        """Return what is wrong with a folder in which it was begun."""
        try:
            answer_of(lambda: self.again(folder))
        except ChildFailed as error:
            return [f"it cannot be done again: {error}"]
        found = found_in(folder)
        if found.dead:
            return [f"it does not start: {found.dead}"]
        wrongs = [f"a temporary file was left: {name}" for name in found.leftovers]
        if (found.jobs, found.runs) != (self.right.jobs, self.right.runs):
            wrongs.append("the jobs or runs are not what they were")
        return wrongs


def kills_of_upkeep(effort: Effort, place: Path) -> Tally:
    """Kill each undertaking at each call that it makes; nothing of the store is lost, and it can be done again."""
    tally = Tally("kill -9 at every call of migrate, backup and restore")
    chance = random.Random(effort.seed)
    for undertaking in _undertakings(place):
        plan = Heard()
        plan.armed = True
        folder = copy_of(undertaking.before, place / "dry")
        code = guarded(lambda: undertaking.do(folder), folder, place / "told", plan)  # noqa: B023 - called at once
        tally.tried([f"it ended with {code}"] if code else [], where=undertaking.name)
        numbers = range(1, len(plan.calls) + 1)
        for number in numbers if effort.whole else chance.sample(numbers, 2):
            struck = KillAt(number, torn=bool(chance.randrange(2)))
            struck.armed = True
            folder = copy_of(undertaking.before, place / "struck")
            code = guarded(lambda: undertaking.do(folder), folder, place / "told", struck)  # noqa: B023
            wrongs = [] if code in {0, KILLED} else [f"it ended with {code}"]
            wrongs += undertaking.wrongs(folder)
            tally.tried(wrongs, where=f"{undertaking.name}, killed at call {number} ({struck.struck})")
    return tally


def cuts_of_upkeep(effort: Effort, place: Path) -> Tally:
    """Cut the power at any moment of each undertaking, as a recording of it makes possible."""
    tally = Tally("power cuts in migrate, backup and restore, recorded")
    if reason := inside_only():
        tally.notes.append(f"NOT TRIED: {reason}, and without it not every call is seen")
        return tally
    chance = random.Random(effort.seed)
    for undertaking in _undertakings(place):
        folder = copy_of(undertaking.before, place / "recorded")
        recording = Recording(folder, most=100_000)
        code = guarded(lambda: undertaking.do(folder), folder, place / "told", recording)  # noqa: B023 - at once
        tally.tried([f"it ended with {code}"] if code else [], where=undertaking.name)
        for _ in range(effort.of(100, some=2)):
            moment = chance.randrange(len(recording.happened) + 1)
            left = place / "left"
            shutil.rmtree(left, ignore_errors=True)
            recording.leave(moment, chance, left)
            tally.tried(undertaking.wrongs(left), where=f"{undertaking.name}, cut at {moment}")
    return tally


def _undertakings(place: Path) -> list[Undertaking]:
    kept = prepare(place / "prepared", "prepared", close=True)
    archive = place / "archive.tar.zst"
    answer_of(lambda: _back_up(place / "prepared", archive))
    (place / "nothing").mkdir(exist_ok=True)
    brought_up = found_in(copy_of(FORMAT_1, place / "brought-up"))
    return [
        Undertaking("migrate", FORMAT_1, brought_up, _open),
        Undertaking("backup", place / "prepared", kept, lambda folder: _back_up(folder, folder / BACKUP)),
        Undertaking(
            "restore",
            place / "nothing",
            kept,
            lambda folder: _restore(archive, folder),
            again=lambda folder: _restore_once(archive, folder),
        ),
    ]


def _open(folder: Path) -> None:
    House(folder).open()


def _back_up(folder: Path, target: Path) -> None:
    house = House(folder).open()
    target.parent.mkdir(parents=True, exist_ok=True)
    take_backup(house.store.source, target, SystemClock())
    opens_as_it_says(target)


def _restore(archive: Path, folder: Path) -> None:
    restore(archive, folder)


def _restore_once(archive: Path, folder: Path) -> None:
    if not (folder / "store.yaml").exists():
        restore(archive, folder)
