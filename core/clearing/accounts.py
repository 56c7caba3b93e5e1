"""What a receipt adds up to."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

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


def account_of(path: Path) -> Account | None:
    """Return what a receipt comes to; None where it says nothing yet. Raises OSError."""
    began: Began | None = None
    files: dict[int, int] = {}  # those that are not where they were, by number: their sizes
    away: dict[int, int] = {}
    gone = gone_bytes = back = back_bytes = 0
    for line in lines_in(path):
        if isinstance(line, Began):
            began = line
        elif isinstance(line, Moving):
            files[line.n] = line.size
        elif isinstance(line, Became):
            size = files.pop(line.n, None)
            size = away.pop(line.n, 0) if size is None else size
            if line.state in {"aside", "astray"}:
                away[line.n] = size
            elif line.state == "gone":
                gone, gone_bytes = gone + 1, gone_bytes + size
            elif line.state == "back":
                back, back_bytes = back + 1, back_bytes + size
    if began is None:
        return None
    aside = away | files
    digest, length = _digest_of(path)
    return Account(
        began=began,
        taken=len(aside) + gone + back,
        taken_bytes=sum(aside.values()) + gone_bytes + back_bytes,
        aside=len(aside),
        aside_bytes=sum(aside.values()),
        back=back,
        digest=digest,
        length=length,
    )


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
