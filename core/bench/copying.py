"""How quickly folders are copied, beside `cp -a` and `rsync -a` on the same disk in the same run."""

import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import psutil

from core.bench.rows import Row
from core.copying.mirror import mirror
from core.copying.wishes import Report, Wishes
from core.errors import HoldfastError
from core.models import NOTHING, Progress

LARGE_FILES: Final = 4
LARGE_SIZE: Final = 1 << 30
SMALL_FOLDERS: Final = 200
SMALL_FILES: Final = 100
SMALL_SIZES: Final = (1_000, 9_000)
BLOCK: Final = 8 << 20
SEED: Final = 2
TIMES: Final = 3
SMALL_TIMES: Final = 6
LARGE_RATIO: Final = 0.9
SMALL_RATIO: Final = 1.0
NOTHING_RATIO: Final = 0.7
MEMORY_MB: Final = 150.0
YARDSTICKS: Final = ("cp", "rsync")


class NoYardstick(HoldfastError):
    """A program that copies are measured against is not installed."""

    code = "no-yardstick"

    def __init__(self, name: str) -> None:
        message = f"Copies are measured beside {name}, which is not installed here."
        super().__init__(message, hint=f"Install {name}, then measure again.")


class Quiet:
    """A run that nobody watches and nobody stops; remembers the most memory the crew has taken."""

    def __init__(self, workspace: Path) -> None:
        workspace.mkdir(parents=True, exist_ok=True)
        self.workspace = workspace
        self.checkpoint: Mapping[str, Any] = NOTHING
        self.most_memory = 0

    @property
    def asked(self) -> str | None:
        """Return None: there is nobody to ask for anything."""
        return None

    def raise_if_asked(self) -> None:
        """Go on."""

    def report(self, _progress: Progress, _checkpoint: Mapping[str, Any] | None = None) -> None:
        """Look at how much memory the crew takes now."""
        crew = psutil.Process().children()
        self.most_memory = max(self.most_memory, sum(map(memory_of, crew)))

    def info(self, message: str) -> None:
        """Say nothing."""

    warn = error = info


def memory_of(process: psutil.Process) -> int:
    """Return the bytes of memory that are a process's own, or 0 when it has ended."""
    try:
        return int(process.memory_full_info().uss)
    except psutil.Error:
        return 0


def measure(folder: Path) -> tuple[Row, ...]:
    """Return the figures for large files, small files and nothing to do; `folder` is for scratch.

    Raises NoYardstick before anything is done.
    """
    for name in YARDSTICKS:
        if shutil.which(name) is None:
            raise NoYardstick(name)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return (*_large(folder), *_small(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _large(folder: Path) -> tuple[Row, ...]:
    source, ours, theirs = folder / "large", folder / "ours", folder / "theirs"
    make_large(source)
    rounds, yardstick = [], []
    for _ in range(TIMES):
        _clear(ours, theirs)
        rounds.append(_copy(source, ours, "full"))
        _clear(ours)
        yardstick.append(_program(theirs, "cp", "-a", str(source), str(theirs)))
    _clear(source, ours, theirs)
    copied = _stage(rounds, "scan") + _stage(rounds, "copy")
    size = LARGE_FILES * LARGE_SIZE / 1e6
    return (
        _speed(
            "4 large files of 1 GiB", size / copied, size / _best(yardstick), "cp -a", "MB/s", LARGE_RATIO
        ),
        _comparison("full comparison of large files", rounds),
    )


def _small(folder: Path) -> tuple[Row, ...]:
    source = folder / "small"
    make_small(source)
    rounds, yardstick, idle, idle_yardstick = [], [], [], []
    for number in range(SMALL_TIMES):
        ours, theirs = folder / f"ours-{number}", folder / f"theirs-{number}"
        if number % 2:
            yardstick.append(_rsync(source, theirs))
        os.sync()
        rounds.append(_copy(source, ours, "full"))
        if not number % 2:
            yardstick.append(_rsync(source, theirs))
        idle.append(_seconds(lambda: _copy(source, ours, "fast")))  # noqa: B023 - called at once
        idle_yardstick.append(_rsync(source, theirs))
    count = SMALL_FOLDERS * SMALL_FILES
    copied = _stage(rounds, "scan") + _stage(rounds, "copy")
    files, theirs_rate = count / copied, count / _best(yardstick)
    unchanged, theirs_unchanged = count / _best(idle), count / _best(idle_yardstick)
    return (
        _speed("20,000 small files", files, theirs_rate, "rsync -a", "files/s", SMALL_RATIO),
        _speed(
            "20,000 files, nothing changed", unchanged, theirs_unchanged, "rsync -a", "files/s", NOTHING_RATIO
        ),
        _comparison("full comparison of small files", rounds),
        _memory([memory for _, memory in rounds]),
    )


def _speed(name: str, ours: float, theirs: float, program: str, unit: str, ratio: float) -> Row:
    return Row(
        name=name,
        ours=ours,
        yardstick=theirs,
        yardstick_name=program,
        unit=unit,
        budget=f"at least {ratio:g} times as fast",
        met=ours >= ratio * theirs,
    )


def _comparison(name: str, rounds: list[tuple[Report, int]]) -> Row:
    copied, proved = _stage(rounds, "scan") + _stage(rounds, "copy"), _stage(rounds, "verify")
    return Row(
        name=name,
        ours=proved,
        yardstick=copied,
        yardstick_name="the copy itself",
        unit="s",
        budget="less than the copy",
        met=proved < copied,
    )


def _memory(taken: list[int]) -> Row:
    most = (max(taken) + memory_of(psutil.Process())) / 1e6
    return Row(
        name="memory of all processes",
        ours=most,
        yardstick=None,
        yardstick_name="",
        unit="MB",
        budget=f"under {MEMORY_MB:g} MB",
        met=most < MEMORY_MB,
    )


def _copy(source: Path, destination: Path, verify: Any) -> tuple[Report, int]:  # noqa: ANN401
    control = Quiet(destination.parent / "workspace")
    report = mirror(Wishes(source=source, destination=destination, verify=verify), control)
    return report, control.most_memory


def _rsync(source: Path, destination: Path) -> float:
    os.sync()
    return _program(destination, "rsync", "-a", f"{source}/", f"{destination}/")


def _program(destination: Path, *argv: str) -> float:
    return _seconds(lambda: subprocess.run(argv, check=True, cwd=destination.parent))


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _stage(rounds: list[tuple[Report, int]], stage: str) -> float:
    return _best([report.result["seconds"].get(stage, 0.0) for report, _ in rounds])


def _best(seconds: list[float]) -> float:
    """Return the shortest time, of ours as of the yardstick.

    For minutes after many files were deleted, by whomever, ext4 looks long for a free inode; who
    meets that is chance, and a middle would say more of chance than of the programs.
    """
    return min(seconds)


def _clear(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    os.sync()


def make_large(folder: Path, files: int = LARGE_FILES, size: int = LARGE_SIZE) -> None:
    """Make a few large files."""
    chance = random.Random(SEED)
    folder.mkdir()
    for number in range(files):
        with (folder / f"file-{number}").open("wb") as file:
            for _ in range(size // BLOCK):
                file.write(chance.randbytes(BLOCK))


def make_small(folder: Path, folders: int = SMALL_FOLDERS, files: int = SMALL_FILES) -> None:
    """Make folders of many small files."""
    chance = random.Random(SEED)
    for outer in range(folders):
        inner = folder / f"folder-{outer:03}"
        inner.mkdir(parents=True)
        for number in range(files):
            (inner / f"file-{number:03}").write_bytes(chance.randbytes(chance.randint(*SMALL_SIZES)))
