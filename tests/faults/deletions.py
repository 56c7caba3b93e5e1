"""Files that are taken away from their source while others swap them, while it is killed, and while the disk fills up.

After each trial every victim is whole somewhere, every file that was moved has a receipt, and every file without one is
where it was.
"""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from blake3 import blake3

from core.clearing.emptying import empty
from core.clearing.putting_back import put_back
from core.clearing.receipts import Moving
from core.clearing.removal import OnStep
from tests.core.clearing.world import RUN, World, files_in
from tests.faults.children import Child, answer_of
from tests.faults.disks import mount_memory, why_no_memory_disk
from tests.faults.reports import Effort, Tally

FOLDERS: Final = 3
FILES: Final = 4
STEPS: Final = ("checked", "receipted", "ready", "moved", "settled")
VICTIM: Final = b"the only one there is: "
SIZE: Final = "1m"


class Scene(World):
    """A source of some folders, and victims elsewhere under the same names."""

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.victims = place / "victims"
        for folder in range(FOLDERS):
            (self.victims / f"{folder}").mkdir(parents=True)
            for number in range(FILES):
                name = f"{folder}/{number}.txt"
                self.put(name, f"file {folder} {number}".encode())
                (self.victims / name).write_bytes(VICTIM + name.encode())
        self.before = files_in(self.source)

    def everywhere(self) -> dict[bytes, int]:
        """Return how often each content stands anywhere but at the destination."""
        found: dict[bytes, int] = {}
        for folder, _, names in os.walk(self.place):
            if Path(folder).is_relative_to(self.copy) or Path(folder).is_relative_to(self.data):
                continue
            for name in names:
                path = Path(folder) / name
                if path.is_file() and not path.is_symlink():
                    content = path.read_bytes()
                    found[content] = found.get(content, 0) + 1
        return found

    def wrongs(self, *, at_once: bool) -> list[str]:
        """Return what was lost, or moved without a receipt."""
        there = self.everywhere()
        wrongs = [f"the victim {name!r} is lost" for name in self._lost_victims(there)]
        receipts = [line for line in self.receipt() if isinstance(line, Moving)]
        digests = {bytes.fromhex(line.digest) for line in receipts}
        for path, content in self.before.items():
            if content not in there and not (at_once and blake3(content).digest() in digests):
                wrongs.append(f"{path!r} is nowhere")
            if content not in there and files_in(self.copy).get(path) != content:
                wrongs.append(f"{path!r} is gone and so is its copy")
        named = {line.name for line in receipts}
        wrongs += [f"{path!r} lies aside without a receipt" for path in self.aside() if path not in named]
        return wrongs

    def _lost_victims(self, there: dict[bytes, int]) -> list[str]:
        names = [f"{folder}/{number}.txt" for folder in range(FOLDERS) for number in range(FILES)]
        return [name for name in names if VICTIM + name.encode() not in there]


class Adversary:
    """Does one bad thing, at one step of a deletion or all the time beside it."""

    def __init__(self, scene: Scene, dice: random.Random) -> None:
        self._scene = scene
        self._dice = dice
        self._acts: tuple[Callable[[str], None], ...] = (self.swap_folder, self.swap_file, self.move_parent)
        self._act = dice.choice(self._acts)
        self._step = dice.choice(STEPS)
        self._count = dice.randrange(1, 4)
        self._ending = threading.Event()

    def at_a_step(self, step: str, _path: bytes) -> None:
        """Do it at the step that was drawn."""
        if step == self._step:
            self._count -= 1
            if self._count == 0:
                self._act(str(self._dice.randrange(FOLDERS)))

    @contextlib.contextmanager
    def beside(self) -> Iterator[None]:
        """Do it over and over meanwhile."""
        thread = threading.Thread(target=self._go_on)
        thread.start()
        try:
            yield
        finally:
            self._ending.set()
            thread.join()

    def _go_on(self) -> None:
        while not self._ending.is_set():
            self._dice.choice(self._acts)(str(self._dice.randrange(FOLDERS)))
            time.sleep(self._dice.random() / 2_000)

    def swap_folder(self, name: str) -> None:
        """Put a link to the victims in the place of a folder, or the folder back in its own."""
        folder, away = self._scene.source / name, self._scene.place / f"{name} away"
        with contextlib.suppress(OSError):
            if folder.is_symlink():
                folder.unlink()
                away.rename(folder)
            else:
                folder.rename(away)
                folder.symlink_to(self._scene.victims / name)

    def swap_file(self, name: str) -> None:
        """Put a victim itself in the place of a file."""
        number = self._dice.randrange(FILES)
        path = self._scene.source / name / f"{number}.txt"
        if path.parent.is_symlink():
            return
        with contextlib.suppress(OSError):
            path.rename(self._scene.place / f"{name}-{number}-{self._dice.random()}")
        with contextlib.suppress(OSError):
            os.link(self._scene.victims / name / f"{number}.txt", path)
            (self._scene.victims / name / f"{number}.txt").unlink()

    def move_parent(self, name: str) -> None:
        """Move a folder to elsewhere, and one of the victims' into its place; or both back."""
        folder, away = self._scene.source / name, self._scene.place / f"{name} moved"
        with contextlib.suppress(OSError):
            if away.exists():
                folder.rename(self._scene.victims / name)
                away.rename(folder)
            elif not folder.is_symlink():
                folder.rename(away)
                (self._scene.victims / name).rename(folder)


def races(effort: Effort, place: Path) -> Tally:
    """Swap folders, files and parents between every two steps."""
    tally = Tally("files and folders swapped while files are taken away")
    for number in range(effort.of(200, some=12)):
        dice = random.Random(f"{effort.seed}.races.{number}")
        scene = Scene(place / f"race-{number}")
        at_once = dice.random() < 0.5
        preview = scene.preview(quarantine_days=0 if at_once else 7)
        adversary = Adversary(scene, dice)
        beside = dice.random() < 0.5
        with adversary.beside() if beside else contextlib.nullcontext():
            deletion = scene.delete(preview, on_step=_nothing if beside else adversary.at_a_step)
        tally.tried(scene.wrongs(at_once=at_once), where=f"race {number}")
        tally.count("taken", deletion.files)
        tally.count("kept", deletion.kept_files)
    return tally


def _nothing(_step: str, _path: bytes) -> None:
    """Do nothing."""


def kills(effort: Effort, place: Path) -> Tally:
    """Kill the deletion at a step, or at any moment; then go on, put all of it back, or let it go."""
    tally = Tally("deletions killed, and taken up again")
    for number in range(effort.of(100, some=8)):
        dice = random.Random(f"{effort.seed}.kills.{number}")
        scene = Scene(place / f"kill-{number}")
        at_once = dice.random() < 0.3
        with Child(lambda: _die(scene, dice, at_once=at_once)) as child:  # noqa: B023
            child.wait()
        wrongs = scene.wrongs(at_once=at_once)
        again = scene.delete(scene.preview(quarantine_days=7))
        if again.trouble or files_in(scene.source):
            wrongs.append(f"it could not be ended: {again}")
        wrongs += scene.wrongs(at_once=at_once)
        if not at_once:
            wrongs += _undone(scene) if dice.random() < 0.5 else _emptied(scene)
        tally.tried(wrongs, where=f"kill {number}")
    return tally


def _die(scene: Scene, dice: random.Random, *, at_once: bool) -> None:
    step, count = dice.choice(STEPS), dice.randrange(1, FOLDERS * FILES)
    seen: list[str] = []

    def hear(now: str, _path: bytes) -> None:
        seen.append(now)
        if seen.count(step) == count:
            os.kill(os.getpid(), signal.SIGKILL)

    if dice.random() < 0.5:
        threading.Timer(dice.random() / 50, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
    scene.delete(scene.preview(quarantine_days=0 if at_once else 7), on_step=hear)


def _undone(scene: Scene) -> list[str]:
    handled = put_back(scene.data, RUN)
    if files_in(scene.source) == scene.before and not handled.left:
        return []
    return [f"not all of it came back: {handled}"]


def _emptied(scene: Scene) -> list[str]:
    handled = empty(scene.data, RUN)
    if handled.left or handled.kept or files_in(scene.copy) != scene.before:
        return [f"not all of it was let go of: {handled}"]
    return []


def full_receipts(effort: Effort, place: Path) -> Tally:
    """Let the disk that holds the receipts be full, from the start or in the middle."""
    tally = Tally(f"receipts on a disk of {SIZE} that fills up")
    if reason := why_no_memory_disk(place):
        tally.notes.append(f"NOT TRIED: {reason}")
        return tally
    for number in range(effort.of(20, some=2)):
        wrongs = answer_of(lambda: _filled(place / f"full-{number}", effort.seed + number))  # noqa: B023
        tally.tried(wrongs, where=f"disk {number}")
    return tally


def _filled(place: Path, seed: int) -> list[str]:
    """Take files away while something fills the disk of the receipts; return what was wrong."""
    scene, dice = Scene(place), random.Random(seed)
    mount_memory(scene.data, SIZE)
    preview = scene.preview()
    filling = _filler(scene.data / "filler", dice.randrange(1, 8))
    deletion = scene.delete(preview, on_step=filling)
    wrongs = scene.wrongs(at_once=False)
    if not deletion.trouble and files_in(scene.source):
        wrongs.append("files stayed, and nobody said why")
    (scene.data / "filler").unlink(missing_ok=True)
    again = scene.delete(scene.preview())
    if again.trouble or files_in(scene.source):
        wrongs.append(f"it could not be ended with room again: {again}")
    return wrongs + scene.wrongs(at_once=False) + _undone(scene)


def _filler(path: Path, after: int) -> OnStep:
    """Return a listener that fills the disk after so many steps."""
    left = [after]

    def hear(_step: str, _path: bytes) -> None:
        left[0] -= 1
        if left[0] == 0:
            with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass

    return hear
