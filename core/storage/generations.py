"""The rows of a snapshot: each shard from the newest generation in which it is whole."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from zlib import crc32

import msgspec
from msgspec.structs import replace

from core.errors import InvalidYaml
from core.storage.base import Problem
from core.storage.folder import is_regular
from core.storage.reading import unreadable
from core.storage.segments import Wound
from core.storage.shards import SHARDS, Row, Shard, read_shard, scope_of, whole_shard
from core.storage.snapshot import Checkpoint, checkpoint_from, generations_in

LONGEST: Final = 2**31
"""A file of ours that is longer is none; it is not read."""

LOSS: Final = (
    "No other generation is whole either: what no line tells is taken from the journal and the definitions."
)


@dataclass
class Found:
    """What the generations hold.

    `bases` says up to which record the row of a job (or the shard of one that is not there) is.
    `lost` are the shards of which rows may be missing.
    """

    rows: list[Row] = field(default_factory=list)
    of_shards: dict[str, int] = field(default_factory=dict)
    of_jobs: dict[str, int] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    wounds: list[Wound] = field(default_factory=list)
    good: list[Checkpoint] = field(default_factory=list)
    """The generations that may be kept, the oldest first."""
    reach: int = 0
    """The highest record that any checkpoint knows of, ..."""
    t: int = 0
    """... and when the newest of them was."""
    segment: int = 0
    """Where what comes after the rows begins; 0 where there are none."""
    closed: bool = False
    """Whether a file is there that could not be read now, and may be some day."""

    def forget_lost(self) -> None:
        """Take nothing for known of the jobs whose rows are lost: the journal has it all."""
        self.of_shards.update(dict.fromkeys(self.lost, 0))

    @property
    def after(self) -> int:
        """Return the record up to which all is in the rows."""
        return min(self.of_shards.values(), default=0)


@dataclass(frozen=True)
class _Generation:
    """A generation that has a checkpoint; None where that cannot be read."""

    number: int
    checkpoint: Checkpoint | None


def find_rows(root: Path, store_id: str) -> Found:
    """Return the rows of the newest snapshot."""
    found = Found()
    generations = tuple(_generations(root, store_id, found))
    found.of_shards = dict.fromkeys(SHARDS, 0)
    _Shards(root, store_id, generations, found).read()
    return found


def _generations(root: Path, store_id: str, found: Found) -> Iterator[_Generation]:
    for number in generations_in(root / "state"):
        path = root / "state" / f"checkpoint-{number}.yaml"
        content: bytes | None = None
        try:
            content = content_of(path)
            checkpoint = checkpoint_from(content, store_id, number)
        except FileNotFoundError:  # put away by another process since we looked
            continue
        except InvalidYaml as error:
            found.closed |= content is None
            message = f"{error} The rows were taken from what else there is."
            found.wounds.append(Wound(_problem(path, message, error.line), content or b""))
            yield _Generation(number, None)
            continue
        found.reach = max(found.reach, checkpoint.n)
        found.t = max(found.t, checkpoint.t)
        found.good.insert(0, checkpoint)
        yield _Generation(number, checkpoint)


class _Shards:
    """Takes every shard from where it is whole, and line by line where it is whole nowhere."""

    def __init__(self, root: Path, store_id: str, generations: Sequence[_Generation], found: Found) -> None:
        self._state = root / "state"
        self._store_id = store_id
        self._generations = generations
        self._found = found

    def read(self) -> None:
        """Take all of them."""
        for shard in SHARDS:
            self._take(shard)

    def _take(self, shard: str) -> None:
        taken: dict[str, int] = {}
        bases: list[int] = []
        wounds: list[Wound] = []
        whole = not self._generations
        for generation in self._generations:
            read = self._read(generation, shard, wounds)
            if read is None or read.n is None:
                continue
            bases.append(read.n)
            self._use(generation)
            for row in read.rows:
                if row.job.id not in taken:
                    taken[row.job.id] = read.n
                    self._found.rows.append(row)
            whole = read.whole
            if whole:
                break
        self._found.of_shards[shard] = min(bases, default=0)
        if len(bases) > 1 or not whole:
            self._found.of_jobs |= taken
        if not whole:
            self._found.lost.add(shard)
            self._found.segment = 1
        outcome = "Nothing of it is lost: an older generation and the journal have it all." if whole else LOSS
        self._found.wounds += (_with(wound, outcome) for wound in wounds)

    def _use(self, generation: _Generation) -> None:
        segment = generation.checkpoint.segment if generation.checkpoint else 1
        self._found.segment = min(self._found.segment or segment, segment)

    def _read(self, generation: _Generation, shard: str, wounds: list[Wound]) -> Shard | None:
        """Return what a generation says of a shard; None if it says nothing."""
        checkpoint = generation.checkpoint
        name, crc = f"{scope_of(shard, generation.number)}.yaml", None
        if checkpoint is not None:
            if shard not in checkpoint.shards:
                return Shard([], checkpoint.n, whole=True, bad=[])
            name, crc, _ = checkpoint.shards[shard]
        elif not (self._state / name).exists():
            return None
        before = len(wounds)
        read = self._read_file(name, crc, wounds)
        if checkpoint is not None and len(wounds) > before and checkpoint in self._found.good:
            self._found.good.remove(checkpoint)
        return read._replace(n=checkpoint.n) if read and checkpoint else read

    def _read_file(self, name: str, crc: int | None, wounds: list[Wound]) -> Shard | None:
        """Return what is in a file; name what is wrong with it."""
        path = self._state / name
        try:
            content = content_of(path)
        except FileNotFoundError:
            wounds.append(Wound(_problem(path, "It is not there any more.")))
            return None
        except InvalidYaml as error:
            self._found.closed = True
            wounds.append(Wound(_problem(path, str(error))))
            return None
        if crc is not None and crc32(content) == crc:
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                return whole_shard(content)
        read = read_shard(content, self._store_id, path.stem)
        wounds += (Wound(_problem(path, bad.words, bad.line), bad.raw) for bad in read.bad)
        if not read.bad and (crc is not None or not read.whole):
            wounds.append(Wound(_problem(path, "It is not as it was written."), content))
        return read


def content_of(path: Path) -> bytes:
    """Return what is in a file; raises FileNotFoundError, and InvalidYaml when it cannot be read."""
    try:
        if not is_regular(path):
            raise InvalidYaml("It is not a file.")
        if path.stat().st_size > LONGEST:
            raise InvalidYaml(f"It is longer than {LONGEST:,} bytes.")
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreadable(error) from error


def _problem(path: Path, message: str, line: int | None = None) -> Problem:
    return Problem(path=f"state/{path.name}", message=message, line=line)


def _with(wound: Wound, outcome: str) -> Wound:
    return wound._replace(problem=replace(wound.problem, message=f"{wound.problem.message} {outcome}"))
