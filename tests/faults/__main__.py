"""Hurts the store in every way we know, and says what came of it: `python -m tests.faults`.

python -m tests.faults                 everything, with the real numbers
python -m tests.faults --some          the share that a run of the tests has time for
python -m tests.faults kills power     only these
python -m tests.faults --seed 12       the same faults again
"""

import argparse
import logging
import random
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.faults.boundaries import kills_at_boundaries
from tests.faults.damage import damaged_files
from tests.faults.deletions import full_receipts, kills, races
from tests.faults.flips import flipped_bits
from tests.faults.full import full_disks
from tests.faults.gate import inside_only
from tests.faults.graphs import kills_between_steps
from tests.faults.kills import random_kills
from tests.faults.machine import both_stores
from tests.faults.packs import bits_caught_by_a_sample, bits_caught_by_full
from tests.faults.power import real_cuts, recorded_cuts
from tests.faults.proof import spoilt_stores, what_the_gate_sees
from tests.faults.refusals import failing_calls, short_writes
from tests.faults.reports import Effort, Tally
from tests.faults.restarts import (
    cancelled_trees,
    kills_of_supervisors,
    kills_of_the_server,
    restarts_in_peace,
    stops,
)
from tests.faults.samples import samples_of_damage
from tests.faults.served import failing_under_a_server
from tests.faults.together import (
    a_hundred_threads,
    jobs_of_two,
    new_folders,
    one_of_two_killed,
    shared_counters,
    two_shells,
)
from tests.faults.upkeep import cuts_of_upkeep, kills_of_upkeep

RIGS: Mapping[str, tuple[Callable[[Effort, Path], Tally], ...]] = {
    "kills": (random_kills,),
    "boundaries": (kills_at_boundaries,),
    "refusals": (failing_calls, short_writes),
    "damage": (damaged_files,),
    "full": (full_disks,),
    "together": (a_hundred_threads, shared_counters, jobs_of_two, one_of_two_killed, new_folders, two_shells),
    "machine": (both_stores,),
    "upkeep": (kills_of_upkeep, cuts_of_upkeep),
    "served": (failing_under_a_server,),
    "restarts": (
        kills_of_the_server,
        kills_of_supervisors,
        restarts_in_peace,
    ),
    "stops": (stops, cancelled_trees),
    "graphs": (kills_between_steps,),
    "proof": (what_the_gate_sees, spoilt_stores),
    "samples": (samples_of_damage,),
    "flips": (flipped_bits,),
    "packs": (bits_caught_by_full, bits_caught_by_a_sample),
    "deletions": (races, kills, full_receipts),
    "power": (recorded_cuts, real_cuts),
}


def main() -> int:
    """Try what was asked for; return 1 when anything was wrong."""
    asked = _asked()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leave no child, as at Ctrl-C
    logging.getLogger().addHandler(
        logging.NullHandler()
    )  # what the store says of its faults is looked at there
    effort = Effort(asked.seed, not asked.some)
    if reason := inside_only():
        _say(f"NOTE: calls are watched from inside the child only, because {reason}. That sees less.")
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="holdfast-faults-", dir=asked.place) as place:
        for name in asked.rigs or RIGS:
            for number, rig in enumerate(RIGS[name]):
                below = Path(place) / f"{name}-{number}"
                below.mkdir()
                tally = rig(effort, below)
                _say(*tally.lines())
                wrong += len(tally.wrongs)
    _say(f"{wrong} wrong; the same faults again: python -m tests.faults --seed {asked.seed}")
    return 1 if wrong else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "rigs", nargs="*", choices=[[], *RIGS], help="which faults; all of them when none is named"
    )
    parser.add_argument("--some", action="store_true", help="only a share of them")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--place", type=Path, help="where to work; the system's folder for temporary files")
    return parser.parse_args()


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # children and disks of ours end with us
        sys.exit(130)
