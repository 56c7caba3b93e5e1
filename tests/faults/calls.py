"""The system calls that change a disk: how each is called on this machine, and what one of them says."""

import ctypes
import os
import platform
import stat
import struct
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final


class Kind(StrEnum):
    """What a call does to the disk."""

    CREATE = "create"
    WRITE = "write"
    CUT = "cut"
    SYNC = "sync"
    RENAME = "rename"
    EXCHANGE = "exchange"
    LINK = "link"
    UNLINK = "unlink"
    FOLDER = "folder"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call, before it happened; `file` is the device and inode where it concerns one that is there."""

    kind: Kind
    name: str
    path: str
    second: str = ""
    file: tuple[int, int] | None = None
    data: bytes = b""
    offset: int = 0
    length: int = 0

    @property
    def is_of_everything(self) -> bool:
        """Tell whether the whole file system is flushed."""
        return self.name == "syncfs"

    def __str__(self) -> str:
        return f"{self.name} {Path(self.path).name}" + (
            f" to {Path(self.second).name}" if self.second else ""
        )


AT_CWD: Final = -100
EXCHANGE: Final = 2
CREATING: Final = os.O_CREAT | os.O_TRUNC

NUMBERS: Final[dict[str, dict[str, int]]] = {
    "x86_64": {
        "write": 1, "open": 2, "pwrite64": 18, "writev": 20, "sendfile": 40, "fsync": 74, "fdatasync": 75,
        "truncate": 76, "ftruncate": 77, "rename": 82, "mkdir": 83, "rmdir": 84, "creat": 85, "link": 86,
        "unlink": 87, "openat": 257, "mkdirat": 258, "unlinkat": 263, "renameat": 264, "linkat": 265,
        "fallocate": 285, "pwritev": 296, "syncfs": 306, "renameat2": 316, "copy_file_range": 326,
    },
    "aarch64": {
        "mkdirat": 34, "unlinkat": 35, "linkat": 37, "renameat": 38, "truncate": 45, "ftruncate": 46,
        "fallocate": 47, "openat": 56, "write": 64, "writev": 66, "pwrite64": 68, "pwritev": 70,
        "sendfile": 71, "fsync": 82, "fdatasync": 83, "syncfs": 267, "renameat2": 276, "copy_file_range": 285,
    },
}  # fmt: skip
SECCOMP: Final = {"x86_64": 317, "aarch64": 277}
ARCHITECTURE: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

MACHINE: Final = platform.machine()
NUMBER_OF: Final = NUMBERS.get(MACHINE, {})
NAME_OF: Final = {number: name for name, number in NUMBER_OF.items()}
OPENING: Final = {"open": 1, "openat": 2}
"""Where the flags stand among the arguments."""


class Caller:
    """Reads what a stopped thread of another process asks the system for."""

    def __init__(self, thread: int) -> None:
        self._proc = Path(f"/proc/{thread}")

    def call(self, name: str, arguments: tuple[int, ...]) -> Call | None:
        """Return what is asked; None where no file is meant."""
        match name:
            case "open" | "openat" | "creat":
                return self._opening(name, arguments)
            case "write" | "pwrite64" | "writev" | "pwritev" | "sendfile" | "copy_file_range":
                return self._writing(name, arguments)
            case "fsync" | "fdatasync" | "syncfs":
                return self._on_file(Kind.SYNC, name, arguments[0])
            case "ftruncate" | "fallocate":
                length = arguments[1] if name == "ftruncate" else arguments[2] + arguments[3]
                return self._on_file(Kind.CUT, name, arguments[0], length=length)
            case "truncate":
                return self._named(Kind.CUT, name, AT_CWD, arguments[0], length=arguments[1])
            case _:
                return self._naming(name, arguments)

    def open_again(self, descriptor: int) -> int:
        """Return a descriptor of our own for a file that the thread has open."""
        return os.open(self._proc / "fd" / str(descriptor), os.O_RDWR | os.O_CLOEXEC)

    def _opening(self, name: str, arguments: tuple[int, ...]) -> Call | None:
        folder = _signed(arguments[0]) if name == "openat" else AT_CWD
        flags = CREATING if name == "creat" else arguments[OPENING[name]]
        address = arguments[1] if name == "openat" else arguments[0]
        call = self._named(Kind.CREATE, name, folder, address)
        if call.file is None:
            return call if flags & os.O_CREAT else None
        if not flags & os.O_TRUNC:
            return None
        return Call(kind=Kind.CUT, name=name, path=call.path, file=call.file)

    def _writing(self, name: str, arguments: tuple[int, ...]) -> Call | None:
        descriptor = arguments[2] if name == "copy_file_range" else arguments[0]
        known = self._file_of(descriptor)
        if known is None:
            return None
        path, file, size = known
        match name:
            case "write" | "pwrite64":
                data = self._memory(arguments[1], arguments[2])
            case "writev" | "pwritev":
                data = self._gathered(arguments[1], arguments[2])
            case _:
                data = self._copied(name, arguments)
        at = arguments[3] if name in {"pwrite64", "pwritev"} else self._position(descriptor, size)
        return Call(kind=Kind.WRITE, name=name, path=path, file=file, data=data, offset=at)

    def _copied(self, name: str, arguments: tuple[int, ...]) -> bytes:
        source, count = (arguments[0], arguments[4]) if name == "copy_file_range" else arguments[1::2][:2]
        known = self._file_of(source)
        if known is None:
            return b""
        with Path(known[0]).open("rb") as file:
            file.seek(self._position(source, 0))
            return file.read(min(count, known[2]))

    def _naming(self, name: str, arguments: tuple[int, ...]) -> Call:
        match name:
            case "rename" | "link":
                first, second = (AT_CWD, arguments[0]), (AT_CWD, arguments[1])
            case "renameat" | "renameat2" | "linkat":
                first = (_signed(arguments[0]), arguments[1])
                second = (_signed(arguments[2]), arguments[3])
            case "unlinkat" | "mkdirat":
                return self._named(_kind(name), name, _signed(arguments[0]), arguments[1])
            case _:
                return self._named(_kind(name), name, AT_CWD, arguments[0])
        exchange = name == "renameat2" and arguments[4] & EXCHANGE
        kind = Kind.EXCHANGE if exchange else _kind(name)
        path = self._path(*first)
        return Call(kind=kind, name=name, path=path, second=self._path(*second), file=_identity(path))

    def _on_file(self, kind: Kind, name: str, descriptor: int, *, length: int = 0) -> Call | None:
        known = self._file_of(descriptor)
        if known is None:
            return None
        return Call(kind=kind, name=name, path=known[0], file=known[1], length=length)

    def _named(self, kind: Kind, name: str, folder: int, address: int, *, length: int = 0) -> Call:
        path = self._path(folder, address)
        return Call(kind=kind, name=name, path=path, file=_identity(path), length=length)

    def _file_of(self, descriptor: int) -> tuple[str, tuple[int, int], int] | None:
        """Return path, identity and size of an open file or folder; None for what is neither."""
        opened = self._proc / "fd" / str(descriptor)
        try:
            status = opened.stat()
            path = str(opened.readlink())
        except OSError:
            return None
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            return None
        return path.removesuffix(" (deleted)"), (status.st_dev, status.st_ino), status.st_size

    def _position(self, descriptor: int, size: int) -> int:
        lines = (self._proc / "fdinfo" / str(descriptor)).read_text().split("\n")
        told = dict(line.split(":", 1) for line in lines if ":" in line)
        return size if int(told["flags"], 8) & os.O_APPEND else int(told["pos"])

    def _path(self, folder: int, address: int) -> str:
        text = os.fsdecode(self._text(address))
        base = self._proc / ("cwd" if folder == AT_CWD else f"fd/{folder}")
        # Not resolved: a call on a link concerns the link.
        return os.path.normpath(base.readlink() / text)

    def _text(self, address: int) -> bytes:
        found = b""
        while b"\0" not in found:
            # To the end of the page, as what follows it may not be there.
            found += self._memory(address + len(found), 4_096 - (address + len(found)) % 4_096)
        return found.partition(b"\0")[0]

    def _gathered(self, address: int, count: int) -> bytes:
        table = self._memory(address, 16 * count)
        return b"".join(self._memory(*struct.unpack_from("QQ", table, 16 * each)) for each in range(count))

    def _memory(self, address: int, length: int) -> bytes:
        descriptor = os.open(self._proc / "mem", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(descriptor, length, address) if length else b""
        finally:
            os.close(descriptor)


def _kind(name: str) -> Kind:
    for kind, names in {
        Kind.RENAME: {"rename", "renameat", "renameat2"},
        Kind.LINK: {"link", "linkat"},
        Kind.UNLINK: {"unlink", "unlinkat", "rmdir"},
    }.items():
        if name in names:
            return kind
    return Kind.FOLDER


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _signed(argument: int) -> int:
    return ctypes.c_int(argument & 0xFFFFFFFF).value
