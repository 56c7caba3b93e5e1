"""What a receipt adds up to."""

from array import array
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, Literal, NamedTuple

from blake3 import blake3

from core.clearing.orders import PREVIEW
from core.clearing.receipts import Became, Began, Moving, lines_in
from core.copying.names import shown
from core.models import Value
from core.proofs.records import BadRecords, read_records


class Account(NamedTuple):
    """How many files were taken away, are aside, or were put back, and what the receipt's bytes come to."""

    began: Began
    taken: int
    taken_bytes: int
    aside: int
    aside_bytes: int
    back: int
    digest: str
    length: int


class Entry(Value, frozen=True, kw_only=True):
    """A file of a receipt as people are shown it; "moving" is that a crash left it open where it is."""

    path: str
    size: int
    algorithm: str
    digest: str
    proved: str
    at: str
    state: Literal["moving", "aside", "gone", "kept", "astray", "back"]
    why: str = ""


class Listed(Value, frozen=True, kw_only=True):
    """A file of a list of what would go."""

    path: str
    size: int
    algorithm: str
    digest: str


STATES: Final = ("none", "moving", "aside", "gone", "kept", "astray", "back")


def account_of(path: Path) -> Account | None:
    """Return what a receipt comes to; None where it says nothing yet. Raises OSError."""
    began: Began | None = None
    sizes, states = (
        array("q", [0]),
        bytearray(1),
    )  # by the numbers of the files: a million of them take little room
    for line in lines_in(path):
        if isinstance(line, Began):
            began = line
        elif isinstance(line, Moving):
            missing = max(0, line.n + 1 - len(states))
            states.extend(bytes(missing))
            sizes.extend([0] * missing)
            sizes[line.n], states[line.n] = line.size, STATES.index("moving")
        elif isinstance(line, Became) and line.n < len(states):
            states[line.n] = STATES.index(line.state)
    if began is None:
        return None
    aside = _sum(sizes, states, "moving", "aside", "astray")
    back = _sum(sizes, states, "back")
    gone = _sum(sizes, states, "gone")
    digest, length = _digest_of(path)
    return Account(
        began=began,
        taken=aside[0] + gone[0] + back[0],
        taken_bytes=aside[1] + gone[1] + back[1],
        aside=aside[0],
        aside_bytes=aside[1],
        back=back[0],
        digest=digest,
        length=length,
    )


def _sum(sizes: "array[int]", states: bytearray, *wanted: str) -> tuple[int, int]:
    """Return how many files are in one of these states, and how large they are together."""
    numbers = {STATES.index(state) for state in wanted}
    found = [size for size, state in zip(sizes, states, strict=True) if state in numbers]
    return len(found), sum(found)


def entries_in(path: Path, offset: int, limit: int) -> tuple[Entry, ...]:
    """Return some files of a receipt, each with what became of it. Raises OSError."""
    files = (line for line in lines_in(path) if isinstance(line, Moving))
    some = {line.n: line for line in islice(files, offset, offset + limit)}
    became = {line.n: line for line in lines_in(path) if isinstance(line, Became) and line.n in some}
    return tuple(_entry(line, became.get(line.n)) for line in some.values())


def _entry(line: Moving, became: Became | None) -> Entry:
    return Entry(
        path=shown(line.name),
        size=line.size,
        algorithm=line.algorithm,
        digest=line.digest,
        proved=line.proved,
        at=line.at,
        state=became.state if became else "moving",
        why=became.why if became else "",
    )


def listed_in(folder: Path) -> Iterator[Listed]:
    """Yield what a list of what would go has in it; nothing where there is none."""
    try:
        for record in read_records(folder / PREVIEW):
            yield Listed(
                path=shown(record.path),
                size=record.size,
                algorithm=record.algorithm,
                digest=record.digest.hex(),
            )
    except (OSError, BadRecords):
        return


def _digest_of(path: Path) -> tuple[str, int]:
    hasher, length = blake3(), 0
    with path.open("rb") as file:
        while text := file.read(1 << 20):
            hasher.update(text)
            length += len(text)
    return hasher.hexdigest(), length
