"""A store as it was at a moment: what was kept before it, and the journal up to it."""

import contextlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from core.clock import SystemClock
from core.errors import HoldfastError, InvalidYaml, StorageFailed, StoreUnreadable
from core.models import Value
from core.storage import atomic
from core.storage.archive import BadArchive, Facts, Told
from core.storage.checked import lines_of
from core.storage.definitions_at import put_definitions
from core.storage.folder import StoreFolder
from core.storage.history import History
from core.storage.journal import segment_path, segments_in
from core.storage.lines import seed_of
from core.storage.marker import FORMAT, WITH_A_JOURNAL, Marker, read_marker, write_marker
from core.storage.old_segments import content_of_kept, kept_segments
from core.storage.opening import Opened, read_state
from core.storage.own_backup import KIND, plain_files
from core.storage.restoring import fill_new, make_folders, unpack
from core.storage.segments import read_segment
from core.storage.snapshot import OF_A_GENERATION, Checkpoint, checkpoint_from, generations_in
from core.storage.unpacking import facts_of

LIVE_PLACES: Final = ("jobs", "runs", "auth", "secrets", "events", "audit", "receipts")
NOTHING_BEFORE: Final = "nothing is kept from before it"


class OutOfReach(HoldfastError):
    """Nothing that is kept leads to that moment."""

    code = "out-of-reach"
    hint = "Name a moment within reach, or a folder with more backups with --backups."


class Moment(Value, frozen=True, kw_only=True):
    """Up to which change: its number, or the last one not after a time (in milliseconds since 1970)."""

    number: int | None = None
    t: int | None = None

    def __str__(self) -> str:
        return f"change {self.number}" if self.t is None else _words(self.t)

    def includes(self, n: int, t: int) -> bool:
        """Tell whether a change had happened by then."""
        return (self.number is None or n <= self.number) and (self.t is None or t <= self.t)


class Restored(Value, frozen=True, kw_only=True):
    """What was restored: the state after change `number`, made at `t`; `base` is where it began.

    `missing_runs` are older runs that were there and were let go of since.
    """

    number: int
    t: int
    jobs: int
    runs: int
    base: str
    missing_runs: int = 0


class _Stamp(msgspec.Struct):
    """Of a record, when it was."""

    n: int
    t: int


class _Cut(NamedTuple):
    """The beginning of a segment, and whether it is all that counts."""

    content: bytes
    last: _Stamp | None
    ends: bool


class _Base(NamedTuple):
    """Something to begin with: how to put it in place, what it is called, and how far back it is."""

    put: Callable[[Path], None]
    name: str
    number: int
    t: int


def restore_at(
    data: Path, folder: Path, moment: Moment, backups: Iterable[Path] = (), told: Told | None = None
) -> Restored:
    """Make a folder that is not there, or empty, the store of `data` as it was at a moment.

    Raises Refused, OutOfReach, StorageFull or StorageFailed; then the folder is as it was.
    """
    marker = read_marker(data / "store.yaml")
    if marker is None or not WITH_A_JOURNAL <= marker.format <= FORMAT:
        raise StoreUnreadable(f"{data} is no store of this version.", hint="Name its folder with --data.")
    going = _Going(data, marker, moment, told)
    restored: list[Restored] = []
    fill_new(folder, lambda scratch: restored.append(going.fill(scratch, tuple(backups))))
    return restored[0]


class _Going:
    """One way back."""

    def __init__(self, data: Path, marker: Marker, moment: Moment, told: Told | None) -> None:
        self._data = data
        self._marker = marker
        self._moment = moment
        self._told = told
        self._kept = kept_segments(data / "backups" / "segments")

    def fill(self, scratch: Path, backups: Sequence[Path]) -> Restored:
        """Try what there is to begin with, the nearest first."""
        bases = [*self._backups(backups), *self._live()]
        before = [base for base in bases if self._moment.includes(base.number, base.t)]
        after = [base for base in bases if base not in before]
        nearest = sorted(before, key=lambda base: -base.number)
        why = NOTHING_BEFORE
        for base in (*nearest, *sorted(after, key=lambda base: base.number)):
            try:
                return self._from(base, scratch)
            except (OutOfReach, BadArchive) as error:
                why = str(error).removesuffix(".")
            for entry in scratch.iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        raise OutOfReach(f"The store cannot go back to {self._moment}: {why}{_earliest(bases)}.")

    def _backups(self, paths: Iterable[Path]) -> Iterator[_Base]:
        for path in paths:
            try:
                facts: Facts = facts_of(path)
            except BadArchive:
                continue
            known = WITH_A_JOURNAL <= facts.format <= FORMAT
            if known and (facts.kind, facts.store) == (KIND, self._marker.store):
                put = self._unpacking(path)
                yield _Base(put, path.name, facts.number, facts.t)

    def _unpacking(self, path: Path) -> Callable[[Path], None]:
        return lambda scratch: unpack(path, scratch, self._told)

    def _live(self) -> Iterator[_Base]:
        for checkpoint in _checkpoints_in(self._data / "state", self._marker.store):
            name = f"checkpoint {checkpoint.generation}"
            yield _Base(self._copy_live, name, checkpoint.n, checkpoint.t)
        if self._begins_with_nothing():
            yield _Base(self._copy_live, "the beginning of the journal", 0, 0)

    def _begins_with_nothing(self) -> bool:
        """Tell whether the journal is kept from the very first change on."""
        begins = (read_segment(content, self._marker.store, 1).head for content in self._known(1))
        return any(head is not None and head.first == 1 for head in begins)

    def _copy_live(self, scratch: Path) -> None:
        """Copy what stands beside the journal; a store that is in use may tidy up meanwhile."""
        for place in LIVE_PLACES:
            for path in plain_files(self._data / place):
                with contextlib.suppress(FileNotFoundError):
                    _copy(path, scratch / path.relative_to(self._data))
        (scratch / "state").mkdir(mode=0o700)
        try:
            for path in (self._data / "state").iterdir():
                if path.name.startswith(OF_A_GENERATION):
                    _copy(path, scratch / "state" / path.name)
        except FileNotFoundError as error:
            raise StorageFailed("The store was tidied up meanwhile.", hint="Try again.") from error
        write_marker(scratch / "store.yaml", self._marker)

    def _from(self, base: _Base, scratch: Path) -> Restored:
        base.put(scratch)
        state = scratch / "state"
        reached = self._drop_later(state)
        last = self._put_segments(state, reached)
        if last is None or not self._moment.includes(last.n, last.t):
            raise OutOfReach(NOTHING_BEFORE)
        found = read_state(StoreFolder(scratch, SystemClock()))
        if found.problems:
            raise OutOfReach(f"{found.problems[0].path}: {found.problems[0].message}")
        if found.n != last.n or (self._moment.number not in {None, last.n}):
            raise OutOfReach(f"the journal reaches to change {last.n} only")
        put_definitions(scratch, found, self._data / "jobs")
        return _restored(scratch, found, last, base.name)

    def _drop_later(self, state: Path) -> Checkpoint | None:
        """Remove what was written after the moment; return the newest checkpoint before it."""
        newest: Checkpoint | None = None
        for checkpoint in _checkpoints_in(state, self._marker.store):
            if not self._moment.includes(checkpoint.n, checkpoint.t):
                (state / f"checkpoint-{checkpoint.generation}.yaml").unlink()
            elif newest is None or checkpoint.n > newest.n:
                newest = checkpoint
        return newest

    def _put_segments(self, state: Path, base: Checkpoint | None) -> _Stamp | None:
        """Put the journal in place up to the moment; return the last change of it."""
        last = _Stamp(base.n, base.t) if base else None
        number = base.segment if base else 1
        for segment in segments_in(state):
            if segment < number:
                segment_path(state, segment).unlink()
        ended = False
        while (content := self._segment(state, number)) is not None:
            target = segment_path(state, number)
            cut = (
                _Cut(b"", None, ends=True)
                if ended
                else _cut(content, target.stem, self._marker.store, self._moment)
            )
            if cut.last is None and cut.ends and number > 1:
                target.unlink(missing_ok=True)
            else:
                atomic.write_whole(target, cut.content)
                last = cut.last or last
            ended = ended or cut.ends
            number += 1
        return last

    def _segment(self, state: Path, number: int) -> bytes | None:
        """Return a segment as far as it is kept anywhere; what is in `state` is the beginning of it."""
        own = segment_path(state, number)
        begun = own.read_bytes() if own.exists() else None
        longest = begun
        for content in self._known(number):
            if begun is None or content.startswith(begun):
                longest = content if longest is None or len(content) > len(longest) else longest
        return longest

    def _known(self, number: int) -> Iterator[bytes]:
        live = segment_path(self._data / "state", number)
        if live.exists():
            yield live.read_bytes()
        for path in self._kept.get(number, ()):
            yield content_of_kept(path)


def _copy(path: Path, target: Path) -> None:
    make_folders(target.parent)
    shutil.copyfile(path, target)
    target.chmod(0o600)


def _checkpoints_in(state: Path, store: str) -> Iterator[Checkpoint]:
    for number in generations_in(state):
        try:
            content = (state / f"checkpoint-{number}.yaml").read_bytes()
            yield checkpoint_from(content, store, number)
        except FileNotFoundError as error:
            raise StorageFailed("The store was tidied up meanwhile.", hint="Try again.") from error
        except InvalidYaml:
            continue


def _cut(content: bytes, scope: str, store: str, moment: Moment) -> _Cut:
    """Return what of a segment had happened at a moment."""
    last: _Stamp | None = None
    end = 0
    for line in lines_of(content, seed_of(store, scope)):
        if line.text.startswith(b'{"n":'):
            stamp = msgspec.json.decode(line.text, type=_Stamp)
            if not moment.includes(stamp.n, stamp.t):
                return _Cut(content[:end], last, ends=True)
            last = stamp
        end = line.end
    return _Cut(content[:end], last, ends=False)


def _restored(scratch: Path, found: Opened, last: _Stamp, base: str) -> Restored:
    history = History(StoreFolder(scratch, SystemClock()), lambda _: None)
    missing = 0
    for job_id, run_ids in found.rows.older_ids.items():
        kept = {run.id for run in history.read(job_id)}
        missing += len(set(run_ids) - kept)
    runs = len(found.rows.runs) + len(found.rows.older) - missing
    return Restored(
        number=last.n, t=last.t, jobs=len(found.rows.jobs), runs=runs, base=base, missing_runs=missing
    )


def _earliest(bases: Sequence[_Base]) -> str:
    if any(base.number == 0 for base in bases):
        return "; it can go back to change 1 and what followed"
    known = [base for base in bases if base.number]
    if not known:
        return ""
    first = min(known, key=lambda base: base.number)
    return f"; it can go back to {_words(first.t)} (change {first.number}) and what followed"


def _words(t: int) -> str:
    return f"{datetime.fromtimestamp(t / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
