"""What Holdfast adds to rsync, rclone and restic: the same command under it and alone, in turn, on the same disk."""

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from core.bench.copying import Quiet, make_large, make_small
from core.bench.rows import Beside, Row, at_least, at_most
from core.context import programs_of
from core.copying.mirror import mirror
from core.copying.wishes import Wishes
from core.drafts import JobDraft
from core.errors import HoldfastError
from core.models import Value
from core.places.drafts import DestinationDraft
from core.processes.ours import argv_of
from core.proofs import NAME, PROGRAM
from core.proofs.telling import OUTCOME, WISHES
from core.proofs.values import FolderReading, Proof, ProofWishes
from core.service import Service
from core.settings import Settings
from core.states import RunState

PROGRAMS: Final = ("rsync", "rclone", "restic")
TIMES: Final = 2
OVERHEAD: Final = 1.03
CPU_PERCENT: Final = 2.0
MEMORY_MB: Final = 300.0
LARGE_RATIO: Final = 0.9
NAMES_PER_FOLDER: Final = 1_000
LOOK_EVERY: Final = 0.01
COPYING: Final = ("copy", "backup")
"""What the programs that copy are called within an attempt."""
WORD: Final = "bench"
"""Of repositories that are gone when the bench ends."""


class Sizes(Value, frozen=True, kw_only=True):
    """How much is copied."""

    large_files: int = 4
    large_size: int = 1 << 30
    small_folders: int = 200
    small_files: int = 100
    many: int = 1_000_000


QUICK: Final = Sizes(large_size=64 << 20, small_folders=20, many=50_000)


class NoProgram(HoldfastError):
    """A program that is measured is not installed."""

    code = "no-program"


class Measured(Value, frozen=True, kw_only=True):
    """What one run under Holdfast took: all of it, without its proof, and of our own process."""

    whole: float
    transfer: float
    processor: float


def measure(folder: Path, sizes: Sizes | None = None) -> tuple[Row, ...]:
    """Return the figures; `folder` is for scratch. Raises NoProgram before anything is done."""
    for name in PROGRAMS:
        if shutil.which(name) is None:
            message = f"{name} is not installed here."
            raise NoProgram(message, hint=f"Install {name}, then measure again.")
    sizes = sizes or Sizes()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        large, small = folder / "large", folder / "small"
        make_large(large, sizes.large_files, sizes.large_size)
        rows = [*_sorts(folder, large, f"{sizes.large_files} files of {sizes.large_size >> 20:,} MiB")]
        shutil.rmtree(large)
        make_small(small, sizes.small_folders, sizes.small_files)
        rows += _sorts(folder, small, f"{sizes.small_folders * sizes.small_files:,} small files")
        shutil.rmtree(small)
        return (*rows, memory_of_proof(folder / "many", sizes.many))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# Under Holdfast and alone


def _sorts(folder: Path, source: Path, what: str) -> Iterator[Row]:
    alone: dict[str, float] = {}
    for kind in PROGRAMS:
        with _house(folder / "house") as house:
            ours, theirs = _in_turn(house, kind, source, folder)
        alone[kind] = min(theirs)
        best = min(ours, key=lambda one: one.transfer)
        beside = Beside(figure=alone[kind], name=f"{kind} alone", times=OVERHEAD)
        yield at_most(f"{kind}, {what}", best.transfer, "s", None, beside)
        whole = min(one.whole for one in ours)
        yield at_most(
            f"{kind}, {what}, with its proof",
            whole,
            "s",
            None,
            Beside(figure=alone[kind], name=f"{kind} alone"),
        )
        percent = min(100 * one.processor / one.whole for one in ours)
        yield at_most(f"{kind}, {what}, Holdfast's share of a core", percent, "%", CPU_PERCENT)
    copied = min(_built_in(source, folder) for _ in range(TIMES))
    for kind in ("rclone", "restic"):
        beside = Beside(figure=1 / alone[kind], name=kind, times=LARGE_RATIO)
        yield at_least(f"copy, {what}, beside {kind}", 1 / copied, "copies/s", None, beside)


def _in_turn(house: Service, kind: str, source: Path, folder: Path) -> tuple[list[Measured], list[float]]:
    place = folder / "there"
    options = _options(house, kind, source, place)
    job = house.manager.create(JobDraft(name=kind, kind=kind, options=options))
    ours, theirs = [], []
    for number in range(TIMES):
        _fresh(kind, place)
        measured, order = _under(house, job.id)
        ours.append(measured)
        argv = tuple(order["argv"])
        _fresh(kind, place)
        theirs.append(_alone(argv, order))
        if number == 0:  # whoever begins meets a disk that has just been cleared, so they change places
            _fresh(kind, place)
            theirs.append(_alone(argv, order))
    _clear(place)
    return ours, theirs


def _options(house: Service, kind: str, source: Path, place: Path) -> Mapping[str, Any]:
    common = {"source": str(source), "guard_changes": False, "guard_places": False}
    if kind != "restic":
        return {**common, "destination": str(place)}
    draft = DestinationDraft(
        name="bench", type="restic", settings={"repository": str(place)}, secrets={"password": WORD}
    )
    made = house.destinations.create(draft)
    return {**common, "destination": made.id, "verify": "sample", "reread_days": 0}


def _fresh(kind: str, place: Path) -> None:
    """Make the destination as it is before the first copy."""
    _clear(place)
    if kind != "restic":
        place.mkdir()
        return
    environment = {**os.environ, "RESTIC_PASSWORD": WORD}
    subprocess.run(
        ["restic", "--quiet", "init", "--repo", str(place)],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def _under(house: Service, job_id: str) -> tuple[Measured, dict[str, Any]]:
    """Carry a run out; returns what it took, and how its program was called."""
    run = house.manager.start(job_id)
    os.sync()
    began, computed = time.perf_counter(), time.process_time()
    with _watched(house, run.id) as seen:
        house.worker.carry_out(run.id)
    ended, computed = time.perf_counter(), time.process_time() - computed
    run = house.manager.run(run.id)
    if run.state is not RunState.COMPLETED:
        failure = run.attempts[-1].error if run.attempts else None
        message = f"A run ended as {run.state}: {failure.message if failure else run.reason}"
        raise NoProgram(message, hint="Look at the disk, then measure again.")
    transfer = (seen.proof_began or ended) - began
    return Measured(whole=ended - began, transfer=transfer, processor=computed), seen.order


class _Seen:
    """What was seen of a run: the order of the program that copied, and when its proof began."""

    def __init__(self) -> None:
        self.order: dict[str, Any] = {}
        self.proof_began: float | None = None


@contextmanager
def _watched(house: Service, run_id: str) -> Iterator[_Seen]:
    """Watch a run's programs, which are gone with the attempt."""
    seen, over = _Seen(), threading.Event()
    folder = programs_of(house.worker.workspace(run_id), 1)

    def watch() -> None:
        while seen.proof_began is None and not over.wait(LOOK_EVERY):
            if (folder / NAME).exists():
                seen.proof_began = time.perf_counter()
            for path in () if seen.order else (folder / name / "order" for name in COPYING):
                with contextlib.suppress(OSError, msgspec.DecodeError):
                    seen.order = msgspec.json.decode(path.read_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def _alone(argv: tuple[str, ...], order: Mapping[str, Any]) -> float:
    os.sync()
    began = time.perf_counter()
    subprocess.run(
        argv,
        check=True,
        env=order["environment"],
        cwd=order.get("folder") or "/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - began


def _built_in(source: Path, folder: Path) -> float:
    place = folder / "there"
    _clear(place)
    control = Quiet(folder / "workspace")
    report = mirror(Wishes(source=source, destination=place), control)
    seconds = report.result["seconds"]
    _clear(place)
    return float(seconds["scan"] + seconds["copy"] + seconds.get("sync", 0.0))


@contextmanager
def _house(data: Path) -> Iterator[Service]:
    service = Service(Settings(data=data))
    with service.opened(at_work=True):
        yield service
    shutil.rmtree(data)


def _clear(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    os.sync()


# Many files


def memory_of_proof(folder: Path, files: int) -> Row:
    """Prove a tree of many names; most are further names of a few files, which a survey cannot know."""
    source, copy, work = folder / "source", folder / "copy", folder / "work"
    for place in (source, copy):
        _make_many(place, files)
    work.mkdir()
    wishes = ProofWishes(
        source=str(source),
        reading=FolderReading(root=str(copy)),
        verify="full",
        since_ns=time.time_ns() + 10**15,
    )
    (work / WISHES).write_bytes(msgspec.json.encode(wishes))
    taken = _peak_of(subprocess.Popen(argv_of(PROGRAM, str(work)), stdout=subprocess.DEVNULL))
    proof = msgspec.json.decode((work / OUTCOME).read_bytes(), type=Proof)
    row = at_most(f"memory of the proof of {proof.proved:,} files", taken, "MB", MEMORY_MB)
    return row if proof.verified else msgspec.structs.replace(row, met=False)


def _peak_of(child: subprocess.Popen[bytes]) -> float:
    """Return the most memory a program had, in MB, once it has ended; what the kernel tells at its end is its parent's, too."""
    peak, status = 0, Path(f"/proc/{child.pid}/status")
    while child.poll() is None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            peak = max(peak, int(status.read_text().split("VmHWM:")[1].split()[0]))
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(LOOK_EVERY)
    return peak * 1_024 / 1e6


def _make_many(folder: Path, names: int) -> None:
    originals = folder / "originals"
    originals.mkdir(parents=True)
    make: Callable[[int], Path] = lambda number: originals / f"{number:03}"  # noqa: E731
    for number in range(NAMES_PER_FOLDER):
        make(number).write_bytes(b"%d" % number)
    for outer in range(max(names // NAMES_PER_FOLDER - 1, 0)):
        inner = folder / f"folder-{outer:06}"
        inner.mkdir()
        for number in range(NAMES_PER_FOLDER):
            os.link(make(number), inner / f"a name as long as most are {number:03}.jpg")
