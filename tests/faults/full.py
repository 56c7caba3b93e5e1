"""A disk that is really full: changes are refused, reading goes on, and work resumes when there is room."""

import time
from pathlib import Path

from tests.faults.children import Child, answer_of
from tests.faults.disks import mount_memory, why_no_memory_disk
from tests.faults.looking import found_in, leftovers_in, seen_by
from tests.faults.model import Model
from tests.faults.reports import Effort, Tally
from tests.faults.telling import Teller, lines_of
from tests.faults.working import House, Writer

SIZE = "2m"
FILLER = 1_200_000
REFUSED_BEFORE_ROOM_IS_MADE = 20


def full_disks(effort: Effort, place: Path) -> Tally:
    """Fill a small disk with jobs, make room, go on; nothing acknowledged is lost."""
    tally = Tally(f"a disk of {SIZE} filled with jobs")
    if reason := why_no_memory_disk(place):
        tally.notes.append(f"NOT TRIED: {reason}")
        return tally
    for number in range(effort.of(20, some=1)):
        told = place / f"told-{number}"
        wrongs = answer_of(lambda: _filled(place, told, f"{effort.seed}.{number}"))  # noqa: B023
        tally.tried(wrongs, where=f"disk {number}")
        tally.count("refused", sum("no" in line for line in lines_of(told)))
    return tally


def _filled(at: Path, told: Path, seed: str) -> list[str]:
    """Work on a full disk in a child that is killed at its end; return what was wrong after it."""
    disk = at / "disk"
    disk.mkdir(exist_ok=True)
    mount_memory(disk, SIZE)
    with Child(lambda: _work(disk, told, seed)) as child:
        code = child.wait()
    model = Model()
    lines = list(lines_of(told))
    model.hear_all(lines)
    wrongs = [f"the writer ended with {code}"] if code else []
    wrongs += [
        f"it was refused as {line['code']!r}"
        for line in lines
        if line.get("code", "storage-full") != "storage-full"
    ]
    wrongs += [line["wrong"] for line in lines if "wrong" in line]
    return wrongs + model.wrongs(found_in(disk / "store"))


def _work(disk: Path, told: Path, seed: str) -> None:
    filler = disk / "filler"
    filler.write_bytes(bytes(FILLER))
    house = House(disk / "store").open()
    teller = Teller(told)
    writer = Writer(house, teller, seed)
    refused = made = 0
    while refused < REFUSED_BEFORE_ROOM_IS_MADE:
        if writer.create() is None:
            refused += 1
        else:
            made += 1
    if len(seen_by(house.manager).jobs) != made:
        teller.tell(wrong=f"{made} jobs were acknowledged and {len(seen_by(house.manager).jobs)} are shown")
    if left := _lasting(disk / "store"):
        teller.tell(wrong=f"temporary files were left: {left}")
    filler.unlink()
    until = time.monotonic() + 10
    while writer.create() is None:
        if time.monotonic() > until:
            teller.tell(wrong="nothing was taken within 10 s after room was made")
            return


def _lasting(folder: Path) -> list[str]:
    """Return the temporary files that do not go; those of a write under way do."""
    until = time.monotonic() + 5
    while (left := leftovers_in(folder)) and time.monotonic() < until:
        time.sleep(0.02)
    return left
