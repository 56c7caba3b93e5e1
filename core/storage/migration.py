"""From format 1, a file a job and a file a run, to a journal; a kill at any moment costs nothing.

In this order, each step durable before the next: everything of the old format goes into one archive,
which is read back; the journal is written and read back; the marker says format 2, and that alone is the
moment; the files of runs, which the archive holds, go. Until the marker is there, the next start begins
again and finds the folder as it was. After it, the next start only has to finish.
"""

import contextlib
import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from core.clock import Clock
from core.errors import InvalidYaml, StorageFailed
from core.models import Job, Run, Value
from core.storage import atomic
from core.storage.archive import (
    BadArchive,
    Entry,
    Facts,
    Item,
    make_archive,
)
from core.storage.base import Problem
from core.storage.folder import StoreFolder
from core.storage.format_one import FORMAT as OLD
from core.storage.format_one import PLACES, FormatOne, read_format_one
from core.storage.journal import beginning_of, segment_path, segments_in
from core.storage.lines import BEGINNING, opened, sealed, seed_of
from core.storage.marker import FORMAT, read_marker
from core.storage.records import body_of, changes_of, record_from, text_of
from core.storage.rows import Changes
from core.storage.unpacking import entries_of, is_safe

log = logging.getLogger(__name__)

KIND: Final = "before-format-2"
WHAT_FAILED: Final = "The store could not be brought to format 2"
HINT: Final = (
    "Nothing of it was changed. Start again when the cause is gone; it takes as much room as the store."
)
SEGMENT_SIZE: Final = 16_000_000
RUNS_A_RECORD: Final = 100


class Plan(Value, frozen=True, kw_only=True):
    """What bringing a folder up means; nothing of it was done."""

    jobs: int
    runs: int
    files: int
    bytes: int
    problems: tuple[Problem, ...] = ()


class Upgrade(Value, frozen=True, kw_only=True):
    """What was begun: where the copy is that everything may be taken from."""

    copy: str


def is_needed(root: Path) -> bool:
    """Tell whether the folder is of the format before this one, or not all of that is gone yet."""
    marker = read_marker(root / "store.yaml")
    return marker is not None and (marker.format == OLD or _note(root).exists())


def plan(folder: StoreFolder) -> Plan:
    """Return what there is to bring up, and touch nothing."""
    found = read_format_one(folder, touch=False)
    items = list(_items(folder.root))
    return Plan(
        jobs=len(found.jobs),
        runs=found.run_count,
        files=len(items),
        bytes=sum(item.path.stat().st_size for item in items),
        problems=tuple(found.problems),
    )


def bring_up(folder: StoreFolder, clock: Clock) -> tuple[Problem, ...]:
    """Bring a folder that nobody else has open to the present format; returns what was bad.

    Raises StorageFull, StorageFailed or StoreUnreadable, and then the folder is as it was.
    """
    problems: tuple[Problem, ...] = ()
    if folder.format == OLD:
        try:
            with atomic.storage_errors(WHAT_FAILED):
                problems = _bring_up(folder, clock)
        except StorageFailed as error:
            error.hint = HINT
            raise
    if _note(folder.root).exists():
        with atomic.storage_errors("What is left of format 1 could not be removed"):
            _remove_the_old(folder.root)
    return problems


def _bring_up(folder: StoreFolder, clock: Clock) -> tuple[Problem, ...]:
    root = folder.root
    log.info("bringing the store in %s to format %d", root, FORMAT)
    _sweep(root)
    found = read_format_one(folder)
    now = int(clock.now().timestamp() * 1000)
    copy = _copy(root, folder.store_id, found, f"{KIND}-{clock.now():%Y%m%dT%H%M%SZ}.tar.zst", now)
    _write_journal(root / "state", folder.store_id, found, now)
    note = msgspec.json.encode(Upgrade(copy=copy.name))
    atomic.write_whole(_note(root), note + b"\n")
    folder.migrated()
    log.info("%d jobs and %d runs are in format %d now", len(found.jobs), found.run_count, FORMAT)
    return tuple(found.problems)


# --- The copy -----------------------------------------------------------------------------------


def _copy(root: Path, store: str, found: FormatOne, name: str, t: int) -> Path:
    """Put everything of the old format into one archive and read it back; return where it is."""
    target = root / "backups" / name
    facts = Facts(kind=KIND, format=OLD, store=store, t=t, jobs=len(found.jobs), runs=found.run_count)
    make_archive(target, _items(root), facts, check=entries_of)
    _forget_copies_like(target)
    return target


def _items(root: Path) -> Iterator[Item]:
    """Give every file of the old format that can be read; one that cannot stays where it is."""
    yield Item(name="store.yaml", path=root / "store.yaml")
    for place in PLACES:
        for path in sorted((root / place).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_file() and not path.is_symlink() and is_safe(name) and _can_be_read(path):
                yield Item(name=name, path=path)


def _can_be_read(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        log.warning("%s cannot be read and stays where it is: %s", path, error)
        return False
    return True


def _forget_copies_like(target: Path) -> None:
    """Remove copies of the very same, which starts that were cut short left behind."""
    entries = entries_of(target)
    for other in target.parent.glob(f"{KIND}-*.tar.zst"):
        with contextlib.suppress(BadArchive, OSError):
            if other != target and entries_of(other) == entries:
                other.unlink()


# --- The journal --------------------------------------------------------------------------------


def _write_journal(state: Path, store: str, found: FormatOne, t: int) -> None:
    """Write every job with its runs as the first changes of a journal, and read them back."""
    for segment in segments_in(state):
        segment_path(state, segment).unlink()
    number, segment = 1, 1
    changes = _changes(found)
    while True:
        first, seed = number, seed_of(store, f"journal-{segment}")
        lines, size = [beginning_of(store, segment, first, t)], 0
        for change in changes:
            body = body_of(change, _sums(change, found), {})
            lines.append(sealed(text_of(body, number, t), seed))
            number, size = number + 1, size + len(lines[-1])
            if size >= SEGMENT_SIZE:
                break
        atomic.write_whole(segment_path(state, segment), b"".join(lines))
        if size < SEGMENT_SIZE:
            break
        segment += 1
    _compare(state, store, found)


def _changes(found: FormatOne) -> Iterator[Changes]:
    for job in found.jobs.values():
        runs = iter(found.runs.get(job.id, ()))
        yield Changes(jobs=(job,), runs=tuple(islice(runs, RUNS_A_RECORD)))
        while more := tuple(islice(runs, RUNS_A_RECORD)):
            yield Changes(runs=more)


def _sums(change: Changes, found: FormatOne) -> dict[str, int]:
    return {job.id: found.texts[job.id] for job in change.jobs if job.id in found.texts}


def _compare(state: Path, store: str, found: FormatOne) -> None:
    """Raise StorageFailed unless the journal says exactly what was found."""
    jobs: dict[str, Job] = {}
    runs: dict[str, list[Run]] = {}
    try:
        for changes in written(state, store):
            jobs.update((job.id, job) for job in changes.jobs)
            for run in changes.runs:
                runs.setdefault(run.job_id, []).append(run)
    except InvalidYaml as error:
        raise StorageFailed(f"{WHAT_FAILED}: what was written does not read back. {error}") from error
    if jobs != found.jobs or runs != found.runs:
        raise StorageFailed(f"{WHAT_FAILED}: what was written is not what there was.")


def written(state: Path, store: str) -> Iterator[Changes]:
    """Give the changes that a journal without damage says; raises InvalidYaml."""
    for segment in segments_in(state):
        seed = seed_of(store, f"journal-{segment}")
        with segment_path(state, segment).open("rb") as file:
            documents = (line for line in file if line.startswith(BEGINNING))
            next(documents)
            for line in documents:
                yield changes_of(record_from(opened(line, seed)), {})


# --- What is left of the old one -----------------------------------------------------------------


def _note(root: Path) -> Path:
    return root / "state" / "upgrade.json"


def _remove_the_old(root: Path) -> None:
    """Remove what the copy holds and no definition is; a start that was cut short comes here again."""
    _sweep(root)
    note = _note(root)
    for entry in _copied(root, note):
        if entry.name.startswith(("runs/", "backups/runs/")):
            _remove(root / entry.name, entry.size)
    _drop_empty_folders(root / "runs")
    _drop_empty_folders(root / "backups" / "runs")
    with contextlib.suppress(OSError):
        (root / "backups" / "runs").rmdir()
    _keep_generations(root / "backups" / "jobs", root / "backups" / "definitions")
    atomic.sync_folder(root / "backups")
    note.unlink()
    atomic.sync_folder(note.parent)


def _sweep(root: Path) -> None:
    for name in ("", "state", "backups", "quarantine"):
        atomic.sweep(root / name)


def _copied(root: Path, note: Path) -> list[Entry]:
    """Return what the copy holds, nothing where it cannot be told: then nothing is removed."""
    try:
        upgrade = msgspec.json.decode(note.read_bytes(), type=Upgrade)
        return entries_of(root / "backups" / Path(upgrade.copy).name)
    except (msgspec.MsgspecError, UnicodeDecodeError, BadArchive) as error:
        log.warning("the copy of the old files cannot be used, so they stay: %s", error)
        return []


def _remove(path: Path, size: int) -> None:
    """Remove a file that the copy holds, unless something else is there now."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        with path.open("rb") as file:
            of_today = file.read(len(BEGINNING) + 1) == BEGINNING + b"{"
        if not of_today and path.lstat().st_size == size:
            path.unlink()


def _keep_generations(old: Path, new: Path) -> None:
    """Let the older texts of definitions go on as such."""
    for folder in old.glob("*/"):
        with contextlib.suppress(OSError):  # one that is there already has younger ones
            folder.rename(new / folder.name)
    with contextlib.suppress(OSError):
        old.rmdir()


def _drop_empty_folders(top: Path) -> None:
    for folder in top.glob("*/"):
        with contextlib.suppress(OSError):
            folder.rmdir()
