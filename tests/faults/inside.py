"""Where no gate can be had: the child itself asks about each call that Python's `os` is about to make.

It sees less than the gate (nothing that a library does on its own), so it only stands in for it.
"""

import os
import pickle
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.faults.calls import CREATING, Call, Kind
from tests.faults.children import Child
from tests.faults.verdicts import Plan, Verdict

HEAD: Final = struct.Struct("I")
NAMING: Final = {
    "rename": Kind.RENAME, "replace": Kind.RENAME, "link": Kind.LINK, "unlink": Kind.UNLINK, "remove": Kind.UNLINK,
    "rmdir": Kind.UNLINK, "mkdir": Kind.FOLDER, "truncate": Kind.CUT,
}  # fmt: skip
TWO_NAMES: Final = frozenset({Kind.RENAME, Kind.LINK})


def guarded_inside(work: Callable[[], None], folder: Path, told: Path, plan: Plan) -> int:
    """Do the work in a child that asks the plan about its calls in `folder`; return how it ended."""
    ours, theirs = socket.socketpair()

    def watched() -> None:
        ours.close()
        _Asking(theirs, folder, told).patch()
        work()

    with ours, theirs, Child(watched) as child:
        theirs.close()
        while asked := _received(ours):
            if isinstance(asked, bytes):
                plan.told(asked)
                _send(ours, None)
                continue
            verdict = plan.decide(asked)
            if verdict.kill:
                if verdict.written:
                    write_a_part(asked, verdict.written)
                child.kill()
                break
            _send(ours, verdict)
        return child.wait()


def write_a_part(call: Call, count: int) -> None:
    """Do the beginning of a write."""
    descriptor = os.open(call.path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(descriptor, call.data[:count], call.offset)
    finally:
        os.close(descriptor)


class _Asking:
    """Stands before the functions of `os`, in the child."""

    def __init__(self, way: socket.socket, folder: Path, told: Path) -> None:
        self._way = way
        self._folder = str(folder)
        self._told = str(told)
        self._turn = threading.Lock()

    def patch(self) -> None:
        """Ask from now on."""
        for name in ("open", "write", "writev", "pwrite", "fsync", "fdatasync", "ftruncate", *NAMING):
            real = getattr(os, name)
            describe = self._naming(NAMING[name]) if name in NAMING else getattr(self, f"_{name}")
            setattr(os, name, self._asked(name, real, describe))

    def _asked(
        self, name: str, real: Callable[..., Any], describe: Callable[..., Call | None]
    ) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            described = describe(name, *arguments, **named)
            if described is None:
                return real(*arguments, **named)
            with self._turn:
                verdict = self._verdict(described)
                if verdict.error:
                    raise OSError(verdict.error, os.strerror(verdict.error))
                return len(described.data) if verdict.pretend else real(*arguments, **named)

        return call

    def _verdict(self, call: Call) -> Verdict:
        if call.path == self._told:
            if call.kind != Kind.WRITE:
                return Verdict()
            _send(self._way, call.data)
        elif any(
            path == self._folder or path.startswith(f"{self._folder}/") for path in (call.path, call.second)
        ):
            _send(self._way, call)
        else:
            return Verdict()
        answer = _received(self._way)
        return answer if isinstance(answer, Verdict) else Verdict()

    def _open(self, name: str, path: Any, flags: int, *_: Any, **__: Any) -> Call | None:
        full, file = _known(path)
        if not flags & CREATING or (file is not None and not flags & os.O_TRUNC):
            return None
        return Call(kind=Kind.CREATE if file is None else Kind.CUT, name=name, path=full, file=file)

    def _write(self, name: str, descriptor: int, data: Any) -> Call:
        return self._writing(name, descriptor, bytes(data), None)

    def _writev(self, name: str, descriptor: int, parts: Any) -> Call:
        return self._writing(name, descriptor, b"".join(map(bytes, parts)), None)

    def _pwrite(self, name: str, descriptor: int, data: Any, offset: int) -> Call:
        return self._writing(name, descriptor, bytes(data), offset)

    def _writing(self, name: str, descriptor: int, data: bytes, offset: int | None) -> Call:
        path, status = _opened(descriptor)
        if offset is None:
            lines = Path(f"/proc/self/fdinfo/{descriptor}").read_text().split("\n")
            appends = int(lines[1].split()[1], 8) & os.O_APPEND
            offset = status.st_size if appends else int(lines[0].split()[1])
        file = status.st_dev, status.st_ino
        return Call(kind=Kind.WRITE, name=name, path=path, file=file, data=data, offset=offset)

    def _fsync(self, name: str, descriptor: int) -> Call:
        path, status = _opened(descriptor)
        return Call(kind=Kind.SYNC, name=name, path=path, file=(status.st_dev, status.st_ino))

    _fdatasync = _fsync

    def _ftruncate(self, name: str, descriptor: int, length: int) -> Call:
        path, status = _opened(descriptor)
        return Call(kind=Kind.CUT, name=name, path=path, file=(status.st_dev, status.st_ino), length=length)

    def _naming(self, kind: Kind) -> Callable[..., Call | None]:
        def describe(name: str, path: Any, second: Any = "", **named: Any) -> Call | None:
            if (
                named.get("dir_fd") is not None
                or named.get("src_dir_fd") is not None
                or isinstance(path, int)
            ):
                return None
            full, file = _known(path)
            if kind == Kind.CUT:
                return Call(kind=kind, name=name, path=full, file=file, length=second)
            other = _known(second)[0] if kind in TWO_NAMES else ""
            return Call(kind=kind, name=name, path=full, second=other, file=file)

        return describe


def _known(path: Any) -> tuple[str, tuple[int, int] | None]:
    full = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - links are not to be followed
    try:
        status = os.lstat(full)
    except OSError:
        return full, None
    return full, (status.st_dev, status.st_ino)


def _opened(descriptor: int) -> tuple[str, os.stat_result]:
    path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
    return path.removesuffix(" (deleted)"), os.fstat(descriptor)


def _send(way: socket.socket, what: object) -> None:
    text = pickle.dumps(what)
    way.sendall(HEAD.pack(len(text)) + text)


def _received(way: socket.socket) -> Any:
    """Return what the other side sent; None when it has ended."""
    head = _exactly(way, HEAD.size)
    return pickle.loads(_exactly(way, HEAD.unpack(head)[0])) if head else None


def _exactly(way: socket.socket, count: int) -> bytes:
    text = b""
    while len(text) < count:
        try:
            more = way.recv(count - len(text))
        except ConnectionResetError:
            return b""
        if not more:
            return b""
        text += more
    return text
