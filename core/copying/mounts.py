"""What is mounted where: by two names one folder can be reached without any link between them."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, Self

TABLE: Final = Path("/proc/self/mountinfo")
ESCAPED: Final = re.compile(r"\\([0-7]{3})")
FIELDS: Final = 5


class Place(NamedTuple):
    """A folder as its file system knows it: the device, and the path within."""

    device: str
    path: Path

    def within(self, other: "Place") -> bool:
        """Tell whether this is the other folder or lies in it."""
        return self.device == other.device and lies_in(self.path, other.path)


def lies_in(path: Path, folder: Path) -> bool:
    """Tell whether a path is a folder or lies in it, as both are written."""
    inner, outer = (
        str(path),
        str(folder),
    )  # dozens of folders are compared at each check, and parents are slow
    return inner == outer or inner.startswith(outer if outer.endswith("/") else f"{outer}/")


class Mount(NamedTuple):
    """A folder at which a part of a file system can be reached."""

    point: Path
    shows: Place


class Mounts:
    """The table of what is mounted where."""

    def __init__(self, mounts: Iterable[Mount]) -> None:
        self._mounts = {mount.point: mount.shows for mount in mounts}  # the last one at a point counts
        self._places: dict[Path, Place] = {}

    @classmethod
    def here(cls) -> Self:
        """Return what is mounted for this process, as far as the system tells."""
        try:
            text = TABLE.read_text("utf-8", "surrogateescape")
        except OSError:
            text = ""
        return cls.written(text)

    @classmethod
    def written(cls, text: str) -> Self:
        """Return what such a table says: see proc_pid_mountinfo(5)."""
        lines = (line.split(" ") for line in text.splitlines())
        return cls(mount_from(fields) for fields in lines if len(fields) > FIELDS)

    def place(self, path: Path) -> Place:
        """Return where a real path lies, whatever mounts lead to it."""
        if path not in self._places:
            self._places[path] = self._found(path)
        return self._places[path]

    def _found(self, path: Path) -> Place:
        for point in (path, *path.parents):
            shown = self._mounts.get(point)
            if shown is not None:
                return Place(shown.device, shown.path / path.relative_to(point))
        return Place("", path)

    def below(self, folder: Path) -> Iterator[Mount]:
        """Yield what is mounted inside a folder."""
        inner = (point for point in self._mounts if point != folder and lies_in(point, folder))
        return (Mount(point, self._mounts[point]) for point in inner)


def mount_from(fields: list[str]) -> Mount:
    """Return what a line of the table says."""
    _, _, device, root, point, *_ = fields
    return Mount(Path(unescaped(point)), Place(device, Path(unescaped(root))))


def unescaped(text: str) -> str:
    """Return a path as it is; the table writes blanks and the like as three octal digits."""
    return ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)
