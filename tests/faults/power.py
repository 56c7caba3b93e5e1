"""Losses of power: real ones on a disk of our own, and those that a recording makes possible."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.faults.children import KILLED, Child, answer_of
from tests.faults.disks import cut_the_power, make_image, mount_image, unmount, why_no_disk
from tests.faults.gate import guarded, inside_only
from tests.faults.looking import found_in
from tests.faults.model import Found, Model
from tests.faults.recording import Recording
from tests.faults.reports import Effort, Tally
from tests.faults.telling import Teller, whole_lines
from tests.faults.working import House, work_for_ever

WRITERS = 4
LONGEST_RECORDING = 1_500
CUTS_OF_ONE = 8
SOONEST, LATEST = 0.01, 1.6
"""Seconds of work before the power is cut."""


def real_cuts(effort: Effort, place: Path) -> Tally:
    """Cut the power of a mounted file system under writers; what was acknowledged is there."""
    tally = Tally("power cuts, real ones of a mounted ext4")
    if reason := why_no_disk(place):
        tally.notes.append(f"NOT TRIED: {reason}; the recorded ones above stand in for them")
        return tally
    chance = random.Random(effort.seed)
    model, at = Model(), place / "disk"
    at.mkdir()
    for number in range(effort.of(100, some=0)):
        image = place / f"disk-{number // CUTS_OF_ONE}.img"
        if number % CUTS_OF_ONE == 0:
            make_image(image)
            model = Model()
        told = place / f"told-{number}"
        seconds = SOONEST * (LATEST / SOONEST) ** chance.random()
        length = answer_of(lambda: _powered_for(seconds, image, at, told, f"{effort.seed}.{number}"))  # noqa: B023
        model.hear_all(whole_lines(told.read_bytes()[:length]))
        # What was answered from then on was answered by a machine without power; what was asked may be there.
        model.hear_all(line for line in whole_lines(told.read_bytes()[length:]) if "ask" in line)
        found = answer_of(lambda: _found_on(image, at))  # noqa: B023 - called at once
        found.problems.clear()
        tally.tried(model.wrongs(found), where=f"cut {number} after {seconds:.3f} s")
        model.accept(found)
        tally.count("acknowledged", model.acknowledged)
        model.acknowledged = 0
    return tally


def _powered_for(seconds: float, image: Path, at: Path, told: Path, seed: str) -> int:
    """Work on a disk until its power is cut; return how much had been told by then, in bytes."""
    mount_image(image, at)

    def work() -> None:
        work_for_ever(House(at / "store").open(), Teller(told), seed, writers=WRITERS, most=20)

    with Child(work) as child:
        while not told.exists() and not child.ends_within(0.002):
            pass
        child.ends_within(seconds)
        length = told.stat().st_size if told.exists() else 0
        cut_the_power(at)
    unmount(at)
    return length


def _found_on(image: Path, at: Path) -> Found:
    mount_image(image, at)
    found = found_in(at / "store")
    unmount(at)
    return found


def recorded_cuts(effort: Effort, place: Path) -> Tally:
    """Cut the power at any moment of a recording; what was acknowledged by then is there."""
    tally = Tally("power cuts, from recordings of every call")
    if reason := inside_only():
        tally.notes.append(f"NOT TRIED: {reason}, and without it not every call is seen")
        return tally
    chance = random.Random(effort.seed)
    folder = place / "store"
    folder.mkdir(mode=0o700)
    model = Model()
    for number in range(effort.of(40, some=2)):
        recording = recorded(folder, f"{effort.seed}.{number}", chance.randrange(60, LONGEST_RECORDING))
        for cut in range(CUTS_OF_ONE):
            moment = chance.randrange(len(recording.happened) + 1)
            left = place / "left"
            shutil.rmtree(left, ignore_errors=True)
            recording.leave(moment, chance, left)
            after = model.copy()
            after.hear_all(recording.told_until(moment))
            found = found_in(left, close=bool(chance.randrange(2)))
            found.problems.clear()
            tally.tried(after.wrongs(found), where=f"recording {number}, cut {cut} at {moment}")
            tally.count("acknowledged", after.acknowledged)
        after.accept(found)
        model, folder = after, left.rename(place / f"store-{number}")
    return tally


def recorded(folder: Path, seed: str, most: int, *, spoil: Callable[[], None] = lambda: None) -> Recording:
    """Return what writers do to a folder until they are killed; `spoil` makes their system a worse one."""
    told = folder.with_name(f"{folder.name}-told")
    plan = Recording(folder, most)

    def work() -> None:
        teller = Teller(told)
        spoil()
        work_for_ever(House(folder).open(), teller, seed, writers=WRITERS, most=20)

    code = guarded(work, folder, told, plan)
    if code != KILLED:
        message = f"The writers ended with {code}."
        raise RuntimeError(message)
    return plan
