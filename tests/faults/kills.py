"""Processes killed at random moments, with 16 writers at work."""

import random
from pathlib import Path

from tests.faults.children import Child
from tests.faults.looking import found_in
from tests.faults.model import Model
from tests.faults.reports import Effort, Tally
from tests.faults.telling import Teller, lines_of
from tests.faults.working import House, work_for_ever

WRITERS = 16
SOONEST, LATEST = 0.003, 1.6
"""Seconds of work before a kill: from before the first answer to after definitions were written."""
ROUNDS_ON_ONE_FOLDER = 20


def random_kills(effort: Effort, place: Path) -> Tally:
    """Kill the server again and again; each time everything acknowledged must be there."""
    tally = Tally("kill -9 at random under 16 writers")
    chance = random.Random(effort.seed)
    model = Model()
    for number in range(effort.of(200, some=4)):
        if number % ROUNDS_ON_ONE_FOLDER == 0:
            model = Model()
        folder = place / f"store-{number // ROUNDS_ON_ONE_FOLDER}"
        told = place / f"told-{number}"
        seconds = SOONEST * (LATEST / SOONEST) ** chance.random()
        _work_and_die(folder, told, f"{effort.seed}.{number}", seconds)
        model.hear_all(lines_of(told))
        found = found_in(folder, close=bool(chance.randrange(2)))
        tally.tried(model.wrongs(found), where=f"kill {number} after {seconds:.3f} s")
        model.accept(found)
        tally.count("acknowledged", model.acknowledged)
        tally.longest("slowest start, s", found.seconds)
        model.acknowledged = 0
        told.unlink(missing_ok=True)
    return tally


def _work_and_die(folder: Path, told: Path, seed: str, seconds: float) -> None:
    def work() -> None:
        house = House(folder).open()
        teller = Teller(told)
        work_for_ever(house, teller, seed, writers=WRITERS)

    with Child(work) as child:
        while not told.exists() and not child.ends_within(0.002):
            pass
        child.ends_within(seconds)
        child.kill()
