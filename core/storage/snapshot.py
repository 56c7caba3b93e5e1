"""All rows as they were at one moment, in generations: a fast start, and something to fall back on."""

import contextlib
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self
from zlib import crc32

import msgspec

from core.errors import InvalidYaml
from core.models import Job, Run, Value
from core.storage import atomic
from core.storage.checked import lines_of
from core.storage.folder import StoreFolder
from core.storage.lines import json_text, sealed, seed_of
from core.storage.placed import Placed
from core.storage.records import FORMAT
from core.storage.registers import name_of_registers, text_of_registers
from core.storage.rows import Rows
from core.storage.shards import SHARDS, RowLine, row_from, shard_of, text_of_shard

log = logging.getLogger(__name__)

COMMENT: Final = b"# Holdfast's checkpoint: which rows belong together. Not to be edited.\n"
OF_A_SNAPSHOT: Final = re.compile(r"(?:rows-[0-3][0-9a-f]|registers|checkpoint)-([1-9][0-9]{0,17})\.yaml\Z")
ROWS: Final = re.compile(r"rows-[0-3][0-9a-f]-[1-9][0-9]{0,17}\.yaml\Z")
REGISTERS: Final = re.compile(r"registers-[1-9][0-9]{0,17}\.yaml\Z")
OF_A_GENERATION: Final = ("checkpoint-", "rows-", "registers-")
"""How the names of its files begin."""

KEPT: Final = 2
"""How many whole generations there are."""

File = tuple[str, int, int]
"""Name, CRC-32 of the content, and how many rows."""


class Checkpoint(Value, frozen=True, kw_only=True, tag="checkpoint", tag_field="kind"):
    """Which shards belong together: the state up to record `n`; what follows begins in `segment`.

    Without a file of `registers` there are none, as in all that is of format 2.
    """

    format: int
    store: str
    generation: int
    n: int
    t: int
    segment: int
    shards: dict[str, File]
    jobs: int
    registers: File | None = None

    @property
    def names(self) -> Iterator[str]:
        """Give the names of all files of this generation."""
        yield f"checkpoint-{self.generation}.yaml"
        for name, _, _ in self.shards.values():
            yield name
        if self.registers is not None:
            yield self.registers[0]


class View(Value, frozen=True, kw_only=True):
    """Everything up to record `n`, as it stays while others go on; `older` leads from run to job."""

    n: int
    jobs: Mapping[str, Job]
    runs: Mapping[str, Run]
    run_ids: Mapping[str, Sequence[str]]
    older: Mapping[str, str]
    placed: Mapping[str, Placed]
    registers: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, rows: Rows, placed: Mapping[str, Placed], n: int) -> Self:
        """Return the view; whoever owns the rows holds the lock meanwhile."""
        return cls(
            n=n,
            jobs=rows.jobs.copy(),
            runs=rows.runs.copy(),
            run_ids=rows.run_ids.copy(),
            older=rows.older.copy(),
            placed=dict(placed),
            registers=rows.registers.copy(),
        )


checkpoint_of = msgspec.json.Decoder(Checkpoint).decode


class Snapshots:
    """Writes one generation after the other.

    `generations` are those that were found good at the start, the newest last, and `n` is the
    number of the last record then. Their files are kept, but only what was written here is used again.
    """

    def __init__(self, folder: StoreFolder, generations: Sequence[Checkpoint] = (), *, n: int = 0) -> None:
        self._folder = folder
        self._state = folder.root / "state"
        self._generations = list(generations)
        self._marks: list[dict[str, int]] = [{} for _ in generations]
        """What stands for where the definitions were, by shard, of each generation; none of those found."""
        self._touched = dict.fromkeys(SHARDS, n)
        self._registers_touched = n

    @property
    def newest(self) -> Checkpoint | None:
        """Return the newest generation; None before the first."""
        return self._generations[-1] if self._generations else None

    def touched(self, job_id: str, n: int) -> None:
        """Note that record `n` changes the row of a job."""
        self._touched[shard_of(job_id)] = n

    def registers_touched(self, n: int) -> None:
        """Note that record `n` changes a register."""
        self._registers_touched = n

    def write(self, view: View, *, segment: int, t: int) -> int:
        """Write the next generation, and let go of the one before the last.

        What comes after record `n` of the view begins in `segment`. Returns the first segment that
        is still needed. Raises OSError, and then the generations before stay as they were.
        """
        generation = 1 + max(_numbers(self._state), default=0)
        ids = _ids_by_shard(view.jobs)
        marks = {shard: _mark(view.placed, job_ids) for shard, job_ids in ids.items()}
        made: list[Path] = []
        try:
            shards = {shard: file for shard in ids if (file := self._unchanged(shard, marks[shard]))}
            for shard, rows in _rows_of(view, {shard: ids[shard] for shard in ids.keys() - shards.keys()}):
                shards[shard] = self._write_shard(rows, shard, generation, view.n, made)
            registers = self._unchanged_registers() or self._write_registers(view, generation, made)
            atomic.sync_folder(self._state)
            checkpoint = Checkpoint(
                format=FORMAT,
                store=self._folder.store_id,
                generation=generation,
                n=view.n,
                t=t,
                segment=segment,
                shards=dict(sorted(shards.items())),
                jobs=len(view.jobs),
                registers=registers,
            )
            atomic.write_whole(self._folder.checkpoint_path(generation), text_of_checkpoint(checkpoint))
        except BaseException:
            self._give_up(generation, made)
            raise
        self._generations = [*self._generations, checkpoint][-KEPT:]
        self._marks = [*self._marks, marks][-KEPT:]
        self._remove_unused()
        return self._generations[0].segment if len(self._generations) == KEPT else 1

    def _write_shard(
        self, rows: list[RowLine], shard: str, generation: int, n: int, made: list[Path]
    ) -> File:
        text = text_of_shard(rows, self._folder.store_id, shard, generation, n)
        path = self._folder.rows_path(shard, generation)
        _put(path, text, made)
        return path.name, crc32(text), len(rows)

    def _write_registers(self, view: View, generation: int, made: list[Path]) -> File | None:
        """Write the file of the registers; None where there are none."""
        if not view.registers:
            return None
        text = text_of_registers(view.registers, self._folder.store_id, generation, view.n)
        name = name_of_registers(generation)
        _put(self._state / name, text, made)
        return name, crc32(text), len(view.registers)

    def _unchanged_registers(self) -> File | None:
        """Return their file in the generation before the last, where it still says how things are."""
        if len(self._generations) < KEPT or self._registers_touched > self._generations[0].n:
            return None
        file = self._generations[0].registers
        return file if file is not None and (self._state / file[0]).exists() else None

    def _unchanged(self, shard: str, mark: int) -> File | None:
        """Return the file of the generation before the last, where it still says how things are."""
        if len(self._generations) < KEPT or self._touched[shard] > self._generations[0].n:
            return None
        file = self._generations[0].shards.get(shard)
        if file is None or self._marks[0].get(shard) != mark or not (self._state / file[0]).exists():
            return None
        return file

    def _give_up(self, generation: int, made: Iterable[Path]) -> None:
        """Remove what was written in vain; all of it stays where the checkpoint may be on disk."""
        if self._folder.checkpoint_path(generation).exists():
            return
        for path in made:
            with contextlib.suppress(OSError):
                path.unlink()

    def _remove_unused(self) -> None:
        used = {name for checkpoint in self._generations for name in checkpoint.names}
        for path in sorted(self._state.iterdir()):  # the checkpoint before its shards
            if OF_A_SNAPSHOT.match(path.name) and path.name not in used:
                try:
                    path.unlink()
                except OSError as error:
                    log.warning("%s could not be removed: %s", path, error)


def _put(path: Path, text: bytes, made: list[Path]) -> None:
    """Put a file in place; what is on its way, and then the file, is among those made."""
    temporary = atomic.write_aside(path, text)
    made.append(temporary)
    temporary.replace(path)
    made[-1] = path


def text_of_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Return what stands in the file of a checkpoint."""
    seed = seed_of(checkpoint.store, f"checkpoint-{checkpoint.generation}")
    return COMMENT + sealed(json_text(checkpoint), seed)


def checkpoint_from(content: bytes, store_id: str, generation: int) -> Checkpoint:
    """Return the checkpoint that stands in a file; raises InvalidYaml."""
    lines = list(lines_of(content, seed_of(store_id, f"checkpoint-{generation}")))
    if len(lines) != 1 or lines[0].why:
        raise InvalidYaml(lines[0].why if lines else "Nothing readable is left of it.", line=1)
    try:
        checkpoint = checkpoint_of(lines[0].text)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidYaml(f"This is no checkpoint: {error}.", line=lines[0].number) from None
    names = [name for name, _, _ in checkpoint.shards.values()]
    registers = checkpoint.registers is None or REGISTERS.match(checkpoint.registers[0])
    if checkpoint.generation != generation or not all(map(ROWS.match, names)) or not registers:
        raise InvalidYaml("This checkpoint belongs elsewhere.", line=lines[0].number)
    return checkpoint


def remove_unfinished(state: Path) -> None:
    """Remove the shards that a killed process wrote without coming to the checkpoint."""
    newest = max(_numbers(state, "checkpoint-"), default=0)
    for path in tuple(state.iterdir()):
        found = OF_A_SNAPSHOT.match(path.name)
        if found and int(found[1]) > newest:
            with contextlib.suppress(OSError):
                path.unlink()


def generations_in(state: Path) -> list[int]:
    """Return the numbers of the generations that have a checkpoint, the newest first."""
    return sorted(set(_numbers(state, "checkpoint-")), reverse=True)


def _numbers(state: Path, beginning: str = "") -> Iterator[int]:
    for path in state.iterdir():
        found = OF_A_SNAPSHOT.match(path.name)
        if found and path.name.startswith(beginning):
            yield int(found[1])


def _ids_by_shard(job_ids: Iterable[str]) -> dict[str, list[str]]:
    """Return the jobs of each shard that has any."""
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for job_id in job_ids:
        ids[shard_of(job_id)].append(job_id)
    return ids


def _mark(placed: Mapping[str, Placed], job_ids: Iterable[str]) -> int:
    """Return what stands for where the definitions of the jobs are: no record says that one was written."""
    return hash(tuple((job_id, placed.get(job_id)) for job_id in sorted(job_ids)))


def _rows_of(view: View, ids: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, list[RowLine]]]:
    """Give the rows of each shard."""
    older: defaultdict[str, list[str]] = defaultdict(list)
    for run_id, job_id in view.older.items():
        older[job_id].append(run_id)
    for shard, job_ids in ids.items():
        yield shard, [_row(view, job_id, older.get(job_id, ())) for job_id in job_ids]


def _row(view: View, job_id: str, older: Iterable[str]) -> RowLine:
    runs = (view.runs[run_id] for run_id in view.run_ids.get(job_id, ()))
    return row_from(view.jobs[job_id], runs, older, view.placed.get(job_id))
