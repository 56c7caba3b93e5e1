"""What a run keeps on disk between its attempts, so that one goes on where the last one stopped."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

import msgspec

from core.copying.account import Account
from core.copying.messages import Finished, Reply, pack, unpack_finished
from core.copying.spool import Spool

NOTES: Final = "state.json"


class Notes(msgspec.Struct):
    """How far a run is. `key` tells which wishes, folders and start of the machine it is about.

    What lay in memory when the machine went down may be missing from files that look complete,
    so after a start of the machine everything is looked at anew.
    """

    key: str
    stage: str = "scan"
    scanned_at: str = ""
    account: Account = msgspec.field(default_factory=Account)
    plan_bytes: int = 0
    plan_files: int = 0
    work_bytes: int = 0
    work_files: int = 0
    sums: dict[str, int] = msgspec.field(default_factory=dict)
    seed: int = 0
    fallback: bool = False
    sampled: bool = False
    told_names: list[bytes] = msgspec.field(default_factory=list)
    seconds: dict[str, float] = msgspec.field(default_factory=dict)


class Journal:
    """Which units of a stage are done, and what was answered."""

    def __init__(self, path: Path, *, keep: bool) -> None:
        self.spool = Spool(path, keep=keep)
        self._places: dict[int, int] = {}

    def replay(self, account: Account) -> tuple[int, int]:
        """Add what was done before to the account; return the bytes and files done."""
        done_bytes = done_files = 0
        for place in range(len(self.spool)):
            line = unpack_finished(self.spool[place])
            self._places[line.number] = place
            account.count(line.tally)
            account.take(line.problems, None)
            done_bytes += line.planned_bytes
            done_files += line.planned_files
        return done_bytes, done_files

    def __contains__(self, number: int) -> bool:
        """Tell whether a unit is done."""
        return number in self._places

    def answer(self, number: int) -> bytes:
        """Return what was answered for a unit, or nothing."""
        place = self._places.get(number)
        return b"" if place is None else unpack_finished(self.spool[place]).body

    def finish(self, number: int, reply: Reply, planned: tuple[int, int]) -> None:
        """Keep that a unit is done, and how many bytes and files the plan gave it."""
        line = Finished(number, reply.tally, reply.problems, reply.body, *planned)
        self._places[number] = self.spool.append(pack(line))
        self.spool.flush()


class Files:
    """The spools and journals of a run, in a folder of its own."""

    def __init__(self, folder: Path, *, keep: bool) -> None:
        self.folder = folder
        self.folders = Spool(folder / "folders", keep=keep)
        self.settle = Spool(folder / "settle", keep=keep)
        self.plan = Spool(folder / "plan", keep=keep)
        self.links = Spool(folder / "links", keep=keep)
        self.looked = Spool(folder / "looked", keep=keep)
        self.names = Spool(folder / "names", keep=False)
        self.copied = Journal(folder / "copied", keep=keep)
        self.proved = Journal(folder / "proved", keep=keep)

    def spools(self) -> Iterator[Spool]:
        """Yield every file."""
        yield from (self.folders, self.settle, self.plan, self.links, self.looked, self.names)
        yield from (self.copied.spool, self.proved.spool)

    def prove_anew(self) -> None:
        """Forget what was proved."""
        self.proved.spool.close()
        self.proved = Journal(self.folder / "proved", keep=False)

    def flush(self) -> None:
        """Hand everything to the system."""
        for spool in self.spools():
            spool.flush()

    def __enter__(self) -> Self:
        """Return itself; everything is closed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every file."""
        for spool in self.spools():
            spool.close()


def load_notes(folder: Path, key: str) -> Notes | None:
    """Return the notes of the attempt before, if they are about the same copy."""
    try:
        notes = msgspec.json.decode((folder / NOTES).read_bytes(), type=Notes)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return notes if notes.key == key else None


def save_notes(folder: Path, notes: Notes) -> None:
    """Keep the notes, whole or not at all."""
    fresh = folder / (NOTES + ".new")
    fresh.write_bytes(msgspec.json.encode(notes))
    fresh.replace(folder / NOTES)


def forget_notes(folder: Path) -> None:
    """Let the next attempt begin from the beginning."""
    (folder / NOTES).unlink(missing_ok=True)
