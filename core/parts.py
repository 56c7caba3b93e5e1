"""Parts of a run: each is a copy of its own, to its own destination, and they share one attempt."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from heapq import merge
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from msgspec import convert, to_builtins
from msgspec.structs import replace

from core.destinations.known import target_in
from core.models import NOTHING, Failure, Progress, Value
from core.packed import thawed
from core.processes.orders import Exit, Hide, OnLatest, OnLine, Order
from core.proofs.records import Record, RecordWriter, read_records
from core.work import Answer, Asked, LeftAtWork, RunContext, Surroundings

T = TypeVar("T")
PROOFS: Final = ("full", "sample", "fast")


class Part(Value, frozen=True, kw_only=True):
    """One copy of several: by which kind, to where, and how it is proved; empty is as the kind does by itself."""

    number: int
    kind: str
    destination: str
    verify: str = ""

    @property
    def name(self) -> str:
        """Return what programs, files and notes of the part are called."""
        return f"copy-{self.number}"


def part_in(number: int, line: str, kinds: Iterable[str]) -> Part:
    """Return what "rsync nas:photos full" means; raises ValueError in words for people."""
    kind, _, rest = line.strip().partition(" ")
    if kind not in kinds:
        message = f"begin each line with one of {', '.join(kinds)}, then name a destination: restic b2 sample"
        raise ValueError(message)
    destination, _, last = rest.strip().rpartition(" ")
    if not destination or last not in PROOFS:
        destination, last = rest.strip(), ""
    if not destination:
        message = f"say where to after {kind}"
        raise ValueError(message)
    target_in(destination.strip())
    return Part(number=number, kind=kind, destination=destination.strip(), verify=last)


class PartDone(Value, frozen=True, kw_only=True):
    """How a part ended; `records` is the file of what it proved, empty where nothing was read back.

    `roots` are the folders in which its copy was read back by us.
    """

    kind: str
    destination: str
    state: Literal["completed", "failed"]
    verified: bool = False
    sentence: str = ""
    result: Mapping[str, Any] = NOTHING
    warnings: tuple[str, ...] = ()
    error: Failure | None = None
    records: str = ""
    roots: tuple[str, ...] = ()

    def shown(self) -> dict[str, Any]:
        """Return it as the run's result has it."""
        own = {
            name: value for name, value in _plain(self).items() if name not in {"records", "roots", "result"}
        }
        return {**thawed(self.result), **own}


def _plain(done: PartDone) -> dict[str, Any]:
    plain: dict[str, Any] = to_builtins(done, enc_hook=thawed)
    return plain


class Together:
    """What the parts of one attempt share: how far each is, and how those ended that are over."""

    def __init__(self, context: RunContext, parts: int) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._percents = [0.0] * parts
        self._kept: dict[str, Any] = thawed(context.checkpoint)

    def ended(self, part: Part) -> PartDone | None:
        """Return how the part ended, in this attempt or an earlier one, where it reached its aim."""
        kept = self._kept.get(part.name)
        return convert(kept, PartDone) if kept else None

    def end(self, part: Part, done: PartDone) -> None:
        """Note how a part ended."""
        with self._lock:
            self._percents[part.number - 1] = 100.0
            if done.state == "completed":
                self._kept[part.name] = _plain(done)
            kept = dict(self._kept)
        self._context.report(Progress(stage="copy", message=f"{part.destination} is done"), kept)

    def report(self, part: Part, progress: Progress) -> None:
        """Tell how far all of them are; the words are of the part that spoke last."""
        with self._lock:
            share = 1.0 if progress.stage == "verify" else 0.0
            done = ((progress.percent or 0.0) / 100.0 + share) / 2.0
            self._percents[part.number - 1] = max(self._percents[part.number - 1], done * 100.0)
            percent = sum(self._percents) / len(self._percents)
        words = f"{part.destination}: {progress.message}" if progress.message else part.destination
        self._context.report(replace(progress, percent=percent, message=words, eta_seconds=None))


class PartContext:
    """What the engine of a part may ask for: the run's own, under names of the part."""

    def __init__(self, context: RunContext, part: Part, together: Together) -> None:
        self._context = context
        self._part = part
        self._together = together
        self.run_id = context.run_id
        self.job_id = context.job_id
        self.attempt = context.attempt
        self.surroundings: Surroundings = context.surroundings
        self.checkpoint: Mapping[str, Any] = NOTHING

    @property
    def workspace(self) -> Path:
        """Return a folder of the part's own."""
        folder = self._context.workspace / self._part.name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    @property
    def asked(self) -> Asked | None:
        """Return what the run is asked to do."""
        return self._context.asked

    def answer(self, question_id: str) -> Answer | None:
        """Return what a person answered to the run."""
        return self._context.answer(question_id)

    def note(self, name: str) -> Mapping[str, Any]:
        """Return what earlier runs noted for this destination."""
        return self._context.note(f"{self._part.kind} {self._part.destination} {name}")

    def take_note(self, name: str, note: Mapping[str, Any]) -> None:
        """Note something for this destination."""
        self._context.take_note(f"{self._part.kind} {self._part.destination} {name}", note)

    def raise_if_asked(self) -> None:
        """Raise RunStopped if the run is asked to stop."""
        self._context.raise_if_asked()

    def wait(self, seconds: float) -> None:
        """Wait, or raise RunStopped."""
        self._context.wait(seconds)

    def execute(
        self,
        order: Order,
        on_line: OnLine | None = None,
        *,
        name: str = "program",
        hide: Hide | None = None,
        on_latest: OnLatest | None = None,
    ) -> Exit:
        """Run a program of the part."""
        named = f"{self._part.name}-{name}"
        return self._context.execute(order, on_line, name=named, hide=hide, on_latest=on_latest)

    def report(self, progress: Progress, checkpoint: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 - programs are what a part goes on from
        """Tell how far the part is."""
        self._together.report(self._part, progress)

    def info(self, message: str) -> None:
        """Write a line to the run's log."""
        self._context.info(f"{self._part.destination}: {message}")

    def warn(self, message: str) -> None:
        """Write a warning to the run's log."""
        self._context.warn(f"{self._part.destination}: {message}")

    def error(self, message: str) -> None:
        """Write an error to the run's log."""
        self._context.error(f"{self._part.destination}: {message}")


def all_of(makers: Sequence[Callable[[], T]], *, side_by_side: bool) -> tuple[T, ...]:
    """Return what is made for each part, one after the other or at the same time.

    Raises RunStopped: of several at once that a program stays at work, which is for whoever is next.
    """
    if not side_by_side:
        return tuple(make() for make in makers)
    with ThreadPoolExecutor(len(makers), "copy") as threads:
        futures = [threads.submit(make) for make in makers]
    errors = [error for future in futures if (error := future.exception()) is not None]
    for error in sorted(errors, key=lambda error: not isinstance(error, LeftAtWork)):
        raise error
    return tuple(future.result() for future in futures)


def proved_by_all(records: Sequence[Path], into: Path) -> int:
    """Write the records of the files that every list has, with the same state of the source; return how many.

    The lists are in the order of their paths, as they are written. Raises BadRecords or OSError.
    """
    with RecordWriter(into) as writer:
        for record in _shared(records):
            writer.write(record)
        writer.finish()
        return writer.count


def _shared(records: Sequence[Path]) -> Iterator[Record]:
    listed = merge(*(read_records(path) for path in records), key=attrgetter("path"))
    for _, alike in groupby(listed, key=attrgetter("path")):
        found = list(alike)
        if len(found) == len(records) and len(set(map(_state_of, found))) == 1:
            yield found[0]


def _state_of(record: Record) -> tuple[int, ...]:
    return record.size, record.mtime_ns, record.ctime_ns, record.inode, record.device
