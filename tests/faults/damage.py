"""Files torn, emptied, filled with zeros, flipped in a bit, lost: the start goes on, and says what it found."""

import random
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.faults.children import answer_of
from tests.faults.looking import found_in
from tests.faults.model import Found, differences
from tests.faults.reports import Effort, Tally
from tests.faults.scenes import copy_of
from tests.faults.telling import Teller
from tests.faults.working import House, Writer

COMMANDS: Final = 250
GENERATIONS: Final = 3
DEFINITIONS: Final = "jobs"
NEVER_MIND: Final = frozenset({"locks", "logs"})


def _torn(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))] if content else b""


def _with_zeros(content: bytes, chance: random.Random) -> bytes:
    at, length = chance.randrange(len(content) + 1), chance.randrange(1, 600)
    return content[:at] + bytes(len(content[at : at + length])) + content[at + length :]


def _flipped(content: bytes, chance: random.Random) -> bytes:
    if not content:
        return b"\x80"
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << chance.randrange(8))]) + content[at + 1 :]


def _without_a_line(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    if lines:
        del lines[chance.randrange(len(lines))]
    return b"".join(lines)


def _with_a_line_twice(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True) or [b"jobs: 5\n"]
    return b"".join([*lines, chance.choice(lines)])


WOUNDS: Final[Mapping[str, Callable[[bytes, random.Random], bytes]]] = {
    "torn": _torn,
    "with zeros": _with_zeros,
    "flipped in a bit": _flipped,
    "without a line": _without_a_line,
    "with a line twice": _with_a_line_twice,
    "emptied": lambda _content, _chance: b"",
    "binary": lambda content, chance: chance.randbytes(len(content)),
    "jobs: 5": lambda _content, _chance: b"jobs: 5\n",
}


def damaged_files(effort: Effort, place: Path) -> Tally:
    """Damage one file of any kind; no job is lost or changed without a word, and no bytes are lost."""
    tally = Tally("files torn, emptied, flipped, overwritten")
    chance = random.Random(effort.seed)
    before = _furnished(place / "prepared", effort.seed, effort.of(COMMANDS, some=60))
    kinds = _kinds_of(place / "prepared")
    tally.notes.append("kinds of files: " + ", ".join(kinds))
    for number in range(effort.of(400, some=9)):
        kind = sorted(kinds)[number % len(kinds)]
        folder = copy_of(place / "prepared", place / "struck")
        path = folder / chance.choice(kinds[kind])
        wound = chance.choice(sorted(WOUNDS))
        whole = path.read_bytes()
        damaged = WOUNDS[wound](whole, chance)
        path.write_bytes(damaged)
        where = f"damage {number}, {path.relative_to(folder)} {wound}"
        # Nothing tells a journal that lost its last lines from one that never had them.
        lost_its_end = kind == "state/journal" and 0 < len(damaged) < len(whole) and whole.startswith(damaged)
        wrongs = _wrongs(folder, before, kind, path, damaged, lost_its_end=lost_its_end)
        tally.tried(wrongs, where=where)
    shutil.rmtree(place / "struck", ignore_errors=True)
    return tally


def _furnished(folder: Path, seed: int, commands: int) -> Found:
    """Make a store that has files of every kind, some in several generations."""

    def work() -> None:
        for number in range(GENERATIONS):
            house = House(folder).open()
            writer = Writer(house, Teller(folder.with_name("told")), f"{seed}.{number}")
            job_ids = house.job_ids()
            for _ in range(commands):
                writer.anything(job_ids, 12)
            house.store.checkpoint()
            for _ in range(commands // 10):
                writer.anything(job_ids, 12)
            house.close()

    answer_of(work)
    return found_in(folder)


def _kinds_of(folder: Path) -> dict[str, list[Path]]:
    """Return the files by what they are: journal, rows, checkpoint, definitions and so on."""
    kinds: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and path.stat().st_size and inside.parts[0] not in NEVER_MIND:
            stem = re.split(r"[-.\d]", inside.name)[0] if inside.parts[0] in {"state", "."} else ""
            top = "/".join(part for part in inside.parts[:2] if len(part) > 2 and part != inside.name)
            kinds[f"{top}/{stem}".strip("/") or inside.name].append(inside)
    return kinds


def _wrongs(
    folder: Path, before: Found, kind: str, path: Path, damaged: bytes, *, lost_its_end: bool
) -> list[str]:
    found = found_in(folder)
    again = found_in(folder)
    if found.dead or again.dead:
        return [f"it does not start: {found.dead or again.dead}"]
    wrongs = [f"a temporary file was left: {name}" for name in found.leftovers]
    if not found.problems and not lost_its_end:
        wrongs += _silent_changes(before, found, kind)
    elif found.problems and not _is_kept(folder, path, damaged):
        wrongs.append(f"the damaged bytes are nowhere, though a problem was named: {found.problems}")
    if (again.jobs, again.runs) != (found.jobs, found.runs):
        wrongs.append("the second start finds something else than the first")
    return wrongs


def _silent_changes(before: Found, found: Found, kind: str) -> list[str]:
    """Return what is not as it was though no problem was named; a definition may have been edited, for all we know."""
    wrongs = []
    for what, was, now in (("job", before.jobs, found.jobs), ("run", before.runs, found.runs)):
        for key in was.keys() | now.keys():
            one, other = was.get(key), now.get(key)
            if one == other:
                continue
            if (
                kind == DEFINITIONS
                and what == "job"
                and one
                and other
                and other["version"] == one["version"] + 1
            ):
                continue
            wrongs.append(f"{what} {key} changed without a word: {differences(one, other)}")
    return wrongs


def _is_kept(folder: Path, path: Path, damaged: bytes) -> bool:
    """Tell whether the bytes are in some file: where they were, or put aside."""
    if not damaged or (path.exists() and path.read_bytes() == damaged):
        return True
    return any(damaged in each.read_bytes() for each in folder.rglob("*") if each.is_file())
