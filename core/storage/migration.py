"""From an older format to the present one; a kill at any moment costs nothing.

Everything goes into one archive first, which is read back. Format 2 has a journal, and all of it is read as it
stands: the marker says the new format, and that is all. Format 1 had a file a job and a file a run: the state
is written from them and read back; the marker says the new format, and that alone is the moment; the files of
runs, which the archive holds, go. Until the marker is there, the next start begins again and finds the folder
as it was. After it, the next start only has to finish.
"""

import contextlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from core.clock import Clock
from core.errors import StorageFailed, StoreInUse
from core.models import Value
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
from core.storage.generations import find_rows
from core.storage.history import COMMENT
from core.storage.journal import beginning_of
from core.storage.lines import json_text, sealed, seed_of
from core.storage.marker import FORMAT, WITH_A_JOURNAL, read_marker
from core.storage.opening import read_state
from core.storage.own_backup import at_rest, plain_files, take_backup
from core.storage.records import Closed, frozen_job, frozen_run
from core.storage.rows import Rows
from core.storage.snapshot import KEPT, Snapshots, View
from core.storage.unpacking import entries_of, is_safe

log = logging.getLogger(__name__)

KIND: Final = f"before-format-{FORMAT}"
WHAT_FAILED: Final = f"The store could not be brought to format {FORMAT}"
HINT: Final = (
    "Nothing of it was changed. Start again when the cause is gone; it takes as much room as the store."
)
BROUGHT_UP: Final = 1
"""The number that stands for all that was before; the journal, which begins after it, does not have it."""

COPIED: Final = ("jobs", "runs", "state", "auth", "secrets", "events", "audit", "receipts")
OF_STATE: Final = re.compile(r"(?:journal-\d+|rows-[0-9a-f]{2}-\d+|checkpoint-\d+)\.yaml\Z")


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
    """Tell whether the folder is of a format before this one, or not all of format 1 is gone yet."""
    marker = read_marker(root / "store.yaml")
    return marker is not None and (marker.format < FORMAT or _note(root).exists())


def plan(folder: StoreFolder) -> Plan:
    """Return what there is to bring up, and touch nothing."""
    if folder.format >= WITH_A_JOURNAL:
        return _plan_with_a_journal(folder)
    found = read_format_one(folder, touch=False)
    items = list(_items(folder.root))
    return Plan(
        jobs=len(found.jobs),
        runs=len(found.runs),
        files=len(items),
        bytes=sum(item.path.stat().st_size for item in items),
        problems=tuple(found.problems),
    )


def _plan_with_a_journal(folder: StoreFolder) -> Plan:
    state = read_state(folder)
    sizes = [path.stat().st_size for place in COPIED for path in plain_files(folder.root / place)]
    return Plan(
        jobs=len(state.rows.jobs),
        runs=len(state.rows.runs) + len(state.rows.older),
        files=len(sizes),
        bytes=sum(sizes),
        problems=state.problems,
    )


def bring_up(folder: StoreFolder, clock: Clock) -> tuple[Problem, ...]:
    """Bring a folder that nobody else has open to the present format; returns what was bad.

    Raises StoreInUse, StorageFull, StorageFailed or StoreUnreadable, and then the folder is as it was.
    """
    problems: tuple[Problem, ...] = ()
    if folder.format < FORMAT:
        work = _bring_up if folder.format == OLD else _go_on
        try:
            with atomic.storage_errors(WHAT_FAILED):
                problems = work(folder, clock)
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
    copy = _copy(root, folder.store_id, found, _name_of_copy(clock), now)
    _write_state(folder, found, now)
    note = msgspec.json.encode(Upgrade(copy=copy.name))
    atomic.write_whole(_note(root), note + b"\n")
    folder.migrated()
    log.info("%d jobs and %d runs are in format %d now", len(found.jobs), len(found.runs), FORMAT)
    return tuple(found.problems)


def _go_on(folder: StoreFolder, clock: Clock) -> tuple[Problem, ...]:
    """Go on from a format with a journal, once nobody has it open who would not know what is new in it."""
    with folder.alone() as alone:
        if not alone:
            message = f"The data folder {folder.root} is open in a command of an older Holdfast."
            raise StoreInUse(message, hint="Try again when that command has come to its end.")
        log.info("bringing the store in %s to format %d", folder.root, FORMAT)
        target = folder.root / "backups" / _name_of_copy(clock)
        try:
            take_backup(at_rest(folder), target, clock, check=entries_of)
        except StorageFailed as error:
            raise type(error)(f"{WHAT_FAILED}. {error}") from error
        _forget_copies_like(target)
        folder.migrated()
    return ()


def _name_of_copy(clock: Clock) -> str:
    return f"{KIND}-{clock.now():%Y%m%dT%H%M%SZ}.tar.zst"


# --- The copy -----------------------------------------------------------------------------------


def _copy(root: Path, store: str, found: FormatOne, name: str, t: int) -> Path:
    """Put everything of the old format into one archive and read it back; return where it is."""
    target = root / "backups" / name
    facts = Facts(
        kind=KIND, format=OLD, store=store, t=t, taken=t, jobs=len(found.jobs), runs=len(found.runs)
    )
    make_archive(target, _items(root), lambda: facts, check=entries_of)
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


# --- The state ----------------------------------------------------------------------------------


def _write_state(folder: StoreFolder, found: FormatOne, t: int) -> None:
    """Write a journal without changes and two generations of all rows, and read them back."""
    state = folder.root / "state"
    for path in tuple(state.iterdir()):
        if OF_STATE.match(path.name):
            path.unlink()
    closed = sealed(json_text(Closed(n=BROUGHT_UP)), seed_of(folder.store_id, "journal-1"))
    begun = beginning_of(folder.store_id, 1, BROUGHT_UP + 1, t)
    atomic.write_whole(folder.segment_path(1), begun + closed)
    rows = Rows()
    for job in found.jobs.values():
        rows.keep_job(job)
    for run in found.runs.values():
        rows.keep_run(run)
    snapshots = Snapshots(folder)
    for _ in range(KEPT):
        snapshots.write(View.of(rows, found.placed, BROUGHT_UP), segment=1, t=t)
    _compare(folder, found)


def _compare(folder: StoreFolder, found: FormatOne) -> None:
    """Raise StorageFailed unless the rows say exactly what was found."""
    read = find_rows(folder.root, folder.store_id)
    jobs = {row.job.id: frozen_job(row.job) for row in read.rows}
    runs = {run.id: frozen_run(run) for row in read.rows for run in row.runs}
    if read.wounds or jobs != found.jobs or runs != found.runs:
        raise StorageFailed(f"{WHAT_FAILED}: what was written did not read back as what there was.")


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
            of_today = file.read(len(COMMENT)) == COMMENT
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
