"""Everything a child did to a folder, in order, and what a loss of power at any moment may leave of it.

Sure is only what was flushed: of a file, what stood in it when `fsync` was asked for; of a folder, the
names that it had then. Of the rest any part may be there: writes whole, in part, as zeros or not at all,
names up to some point in each folder.
"""

import os
import random
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Final

from tests.faults.calls import Call, Kind
from tests.faults.telling import Told, whole_lines
from tests.faults.verdicts import KILL, PASS, PRETEND, Verdict

SECTOR: Final = 512
NAMING: Final = frozenset({Kind.CREATE, Kind.RENAME, Kind.EXCHANGE, Kind.LINK, Kind.UNLINK, Kind.FOLDER})

Identity = tuple[int, int]


@dataclass(frozen=True)
class Happened:
    """A call, or a line that was told; `file` is a number of ours for the file that the call concerns."""

    call: Call | None = None
    told: tuple[Told, ...] = ()
    file: int = 0


@dataclass
class Recording:
    """A plan that writes everything down, flushes nothing, and kills after so many calls."""

    folder: Path
    most: int
    happened: list[Happened] = field(default_factory=list)
    contents: dict[int, bytes] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._numbers: dict[Identity, int] = {}
        self._next = 1
        self._created: int | None = None
        self._new: list[int] = []
        for path in (self.folder, *self.folder.rglob("*")):
            status = path.lstat()
            if stat.S_ISDIR(status.st_mode):
                self.folders.add(str(path))
            elif stat.S_ISREG(status.st_mode):
                number = self._number_of((status.st_dev, status.st_ino))
                self.names[str(path)] = number
                self.contents[number] = path.read_bytes()

    def told(self, line: bytes) -> None:
        """Write down what was told."""
        self._resolve()
        self.happened.append(Happened(told=tuple(whole_lines(line))))

    def decide(self, call: Call) -> Verdict:
        """Write the call down."""
        self._resolve()
        if len(self.happened) >= self.most:
            return KILL
        number = self._number_of(call.file) if call.file is not None else 0
        self.happened.append(Happened(call=call, file=number))
        if call.kind == Kind.CREATE:
            self._new.append(len(self.happened) - 1)
        return PRETEND if call.kind == Kind.SYNC else PASS

    def _resolve(self) -> None:
        """Learn which file was made by a call that has happened since."""
        for index in tuple(self._new):
            made = self.happened[index]
            if made.call is not None and os.path.lexists(made.call.path):
                status = Path(made.call.path).lstat()
                self._numbers[status.st_dev, status.st_ino] = self._next
                self.happened[index] = replace(made, file=self._next)
                self._next += 1
                self._new.remove(index)

    def _number_of(self, identity: Identity) -> int:
        if identity not in self._numbers:
            self._numbers[identity] = self._next
            self._next += 1
        return self._numbers[identity]

    def told_until(self, moment: int) -> Iterator[Told]:
        """Give what was told up to a moment, which is a number of things that happened."""
        for each in self.happened[:moment]:
            yield from each.told

    def leave(self, moment: int, chance: random.Random, folder: Path) -> None:
        """Make, in a folder that is not there yet, what a loss of power at that moment may leave."""
        disk = _Disk(self, chance)
        for each in self.happened[:moment]:
            if each.call is not None:
                disk.do(each.call, each.file)
        disk.lose_power(folder)


@dataclass
class _Change:
    """A change that is in the machine's memory, and on the disk only when it is `sure`."""

    call: Call
    file: int
    sure: bool = False


class _Disk:
    def __init__(self, recording: Recording, chance: random.Random) -> None:
        self._recording = recording
        self._chance = chance
        self._naming: list[_Change] = []
        self._writing: dict[int, list[_Change]] = {}

    def do(self, call: Call, file: int) -> None:
        """Take a call in."""
        if call.kind == Kind.SYNC:
            self._flush(call, file)
        elif call.kind in NAMING:
            self._naming.append(_Change(call, file))
        else:
            self._writing.setdefault(file, []).append(_Change(call, file))

    def _flush(self, call: Call, file: int) -> None:
        flushed = self._writing.values() if call.is_of_everything else [self._writing.get(file, [])]
        for change in chain.from_iterable(flushed):
            change.sure = True
        for change in self._naming:
            change.sure = change.sure or call.is_of_everything or call.path in _folders_of(change.call)

    def lose_power(self, folder: Path) -> None:
        """Write out what is left."""
        names, folders = self._names_left()
        root = str(self._recording.folder)
        for name in sorted(folders):
            (folder / os.path.relpath(name, root)).mkdir(mode=0o700, exist_ok=True)
        for name, number in names.items():
            target = folder / os.path.relpath(name, root)
            target.write_bytes(self._content_left(number))
            target.chmod(0o600)

    def _names_left(self) -> tuple[dict[str, int], set[str]]:
        names, folders = dict(self._recording.names), set(self._recording.folders)
        lost: set[str] = set()
        keeps = self._chance.choice((0.0, 0.5, 0.9, 1.0))
        for change in self._naming:
            concerned = _folders_of(change.call)
            if not change.sure and (lost & concerned or self._chance.random() >= keeps):
                lost |= concerned
            elif concerned <= folders:
                _rename(names, folders, change)
            elif change.call.kind == Kind.RENAME:  # where it went was lost with its folder
                names.pop(change.call.path, None)
        return names, folders

    def _content_left(self, number: int) -> bytes:
        content = bytearray(self._recording.contents.get(number, b""))
        keeps = self._chance.choice((0.0, 0.5, 1.0))
        for change in self._writing.get(number, []):
            if change.sure:
                _write(content, change.call, change.call.data)
            elif self._chance.random() < keeps:
                _write(content, change.call, self._torn(change.call.data))
        return bytes(content)

    def _torn(self, data: bytes) -> bytes:
        """Return a part of what was written: to a sector's end, or with zeros where a sector is missing."""
        sectors = -(-len(data) // SECTOR)
        at = self._chance.randrange(sectors + 1) * SECTOR
        match self._chance.randrange(4):
            case 0:
                return data[:at]
            case 1:
                return bytes(min(at, len(data))) + data[at:]
            case 2:
                return data[: at // 2]
            case _:
                return data


def _folders_of(call: Call) -> frozenset[str]:
    named = (
        (call.path, call.second) if call.kind in {Kind.RENAME, Kind.EXCHANGE} else (call.second or call.path,)
    )
    return frozenset(os.path.dirname(path) for path in named)  # noqa: PTH120 - a text, many times


def _rename(names: dict[str, int], folders: set[str], change: _Change) -> None:
    call = change.call
    match call.kind:
        case Kind.CREATE if change.file:
            names[call.path] = change.file
        case Kind.FOLDER:
            folders.add(call.path)
        case Kind.LINK if call.path in names:
            names.setdefault(call.second, names[call.path])
        case Kind.EXCHANGE if call.path in names and call.second in names:
            names[call.path], names[call.second] = names[call.second], names[call.path]
        case Kind.RENAME if call.path in folders:
            _move_folder(names, folders, call)
        case Kind.RENAME if call.path in names:
            names[call.second] = names.pop(call.path)
        case Kind.UNLINK:
            names.pop(call.path, None)
            if not any(os.path.dirname(name) == call.path for name in (*names, *folders)):  # noqa: PTH120
                folders.discard(call.path)
        case _:
            pass


def _move_folder(names: dict[str, int], folders: set[str], call: Call) -> None:
    within = f"{call.path}/"
    for name in [name for name in names if name.startswith(within)]:
        names[call.second + name.removeprefix(call.path)] = names.pop(name)
    for name in [name for name in folders if name == call.path or name.startswith(within)]:
        folders.remove(name)
        folders.add(call.second + name.removeprefix(call.path))


def _write(content: bytearray, call: Call, data: bytes) -> None:
    if call.kind == Kind.CUT:
        del content[call.length :]
        content.extend(bytes(call.length - len(content)))
        return
    if len(content) < call.offset:
        content.extend(bytes(call.offset - len(content)))
    content[call.offset : call.offset + len(data)] = data
