"""The rows of a snapshot: each shard from the newest generation in which it is whole."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar
from zlib import crc32

import msgspec
from msgspec.structs import replace

from core.errors import InvalidYaml
from core.storage.base import Problem
from core.storage.folder import is_regular
from core.storage.reading import unreadable
from core.storage.registers import Registers, name_of_registers, read_registers
from core.storage.segments import Wound
from core.storage.shards import SHARDS, Row, Shard, read_shard, scope_of, whole_shard
from core.storage.snapshot import Checkpoint, checkpoint_from, generations_in

T = TypeVar("T", Shard, Registers)

LONGEST: Final = 2**31
"""A file of ours that is longer is none; it is not read."""

LOSS: Final = (
    "No other generation is whole either: what no line tells is taken from the journal and the definitions."
)
LOSS_OF_REGISTERS: Final = (
    "No other generation is whole either: of schedules, breakers, dead letters and the queue's rules, what no line "
    "tells is taken from the journal as far as it goes back."
)


@dataclass
class Found:
    """What the generations hold.

    `of_jobs` says up to which record the row of a job is, `of_shards` that of one that is not there; `of_register`
    and `of_registers` the same of registers. `lost` are the shards of which rows may be missing.
    """

    rows: list[Row] = field(default_factory=list)
    of_shards: dict[str, int] = field(default_factory=dict)
    of_jobs: dict[str, int] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    registers: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    of_register: dict[str, int] = field(default_factory=dict)
    of_registers: int = 0
    registers_lost: bool = False
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
        if self.registers_lost:
            self.of_registers = 0

    @property
    def after(self) -> int:
        """Return the record up to which all is in the rows and registers."""
        return min((*self.of_shards.values(), self.of_registers))


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
        self._take_registers()

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

    def _take_registers(self) -> None:
        bases: list[int] = []
        wounds: list[Wound] = []
        whole = not self._generations
        for generation in self._generations:
            read = self._read_registers(generation, wounds)
            if read is None or read.n is None:
                continue
            bases.append(read.n)
            self._use(generation)
            for name, value in read.values.items():
                if self._found.registers.setdefault(name, value) is value:
                    self._found.of_register[name] = read.n
            whole = read.whole
            if whole:
                break
        self._found.of_registers = min(bases, default=0)
        if not whole:
            self._found.registers_lost = True
            self._found.segment = 1
        outcome = "Nothing of it is lost: an older generation and the journal have it all."
        self._found.wounds += (_with(wound, outcome if whole else LOSS_OF_REGISTERS) for wound in wounds)

    def _read_registers(self, generation: _Generation, wounds: list[Wound]) -> Registers | None:
        """Return what a generation says of registers; None if it says nothing."""
        checkpoint = generation.checkpoint
        if checkpoint is None:
            # One that is not there may never have been: only its checkpoint could tell.
            name, crc = name_of_registers(generation.number), None
            return self._read_file(name, crc, wounds, None, read_registers) if self._is_there(name) else None
        if checkpoint.registers is None:
            return Registers({}, checkpoint.n, whole=True, bad=[])
        name, crc, _ = checkpoint.registers
        before = len(wounds)
        read = self._read_file(name, crc, wounds, None, read_registers)
        self._doubt(checkpoint, hurt=len(wounds) > before)
        return read._replace(n=checkpoint.n) if read else None

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
        elif not self._is_there(name):
            return None
        before = len(wounds)
        read = self._read_file(name, crc, wounds, whole_shard, read_shard)
        if checkpoint is not None:
            self._doubt(checkpoint, hurt=len(wounds) > before)
        return read._replace(n=checkpoint.n) if read and checkpoint else read

    def _is_there(self, name: str) -> bool:
        return (self._state / name).exists()

    def _doubt(self, checkpoint: Checkpoint, *, hurt: bool) -> None:
        """Do not go on from a generation of which a part is hurt."""
        if hurt and checkpoint in self._found.good:
            self._found.good.remove(checkpoint)

    def _read_file(
        self,
        name: str,
        crc: int | None,
        wounds: list[Wound],
        as_written: Callable[[bytes], T] | None,
        line_by_line: Callable[[bytes, str, str], T],
    ) -> T | None:
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
        unhurt = crc is not None and crc32(content) == crc
        if unhurt and as_written is not None:
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                return as_written(content)
        read = line_by_line(content, self._store_id, path.stem)
        wounds += (Wound(_problem(path, bad.words, bad.line), bad.raw) for bad in read.bad)
        as_it_was = crc is None or (unhurt and as_written is None)
        if not read.bad and not (as_it_was and read.whole):
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
