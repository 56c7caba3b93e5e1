"""Receipts: what was taken away, with its digest and where that was proved, written before it is moved.

One JSON document a line. A file's line is on the disk before the file is touched; what became of it follows. Where a
crash left that out, looking at both places tells it. A copy lies at a destination that is a folder.
"""

import base64
import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import msgspec
from blake3 import blake3

from core.clearing.names import RECEIPTS
from core.clearing.sides import Stopped, folder_in
from core.models import Value
from core.proofs.values import Algorithm
from core.storage.atomic import make_folder

PLACE: Final = "receipts"
"""The folder below Holdfast's data that has them."""


Number = Annotated[int, msgspec.Meta(ge=1, le=1 << 32)]


class Began(Value, frozen=True, kw_only=True, tag="began", tag_field="line", omit_defaults=True):
    """An attempt begins to take files away: whose, from where, agreed to by whom, and where their copies are."""

    at: str
    run_id: str
    job_id: str
    attempt: int
    source: str
    source_device: int
    source_inode: int
    place: str
    roots: tuple[str, ...] = ()
    preview: str
    quarantine_days: int
    confirmed_by: str = ""
    confirmed_at: str = ""


class Moving(Value, frozen=True, kw_only=True, tag="file", tag_field="line", omit_defaults=True):
    """A file is about to be moved: `raw` is its path in base64 where that is no UTF-8. `n` counts from 1.

    `proved` is how its copy was proved: "read back" then and there, or by the "proof" of this very attempt.
    """

    n: Number
    attempt: int
    path: str
    raw: str = ""
    size: int
    mtime_ns: int
    inode: int
    device: int
    algorithm: Algorithm
    digest: str
    proved: Literal["read back", "proof"]
    at: str

    @property
    def name(self) -> bytes:
        """Return the path below the source."""
        return base64.b64decode(self.raw) if self.raw else self.path.encode()


class Became(Value, frozen=True, kw_only=True, tag="became", tag_field="line", omit_defaults=True):
    """What became of a file.

    "aside" is that it lies in quarantine, "gone" that it is deleted, "kept" that it is where it was, "astray" that it lies in quarantine although
    it is not the file that was meant and could not be put back, "back" that a person had it put back.
    """

    n: Number
    state: Literal["aside", "gone", "kept", "astray", "back"]
    why: str = ""


class Emptied(Value, frozen=True, kw_only=True, tag="folder", tag_field="line", omit_defaults=True):
    """A folder that was emptied by this is about to be removed."""

    path: str
    raw: str = ""
    mode: int

    @property
    def name(self) -> bytes:
        """Return the path below the source."""
        return base64.b64decode(self.raw) if self.raw else self.path.encode()


Line = Began | Moving | Became | Emptied

_decode: Final = msgspec.json.Decoder(Line).decode
DAMAGED: Final = (msgspec.MsgspecError, ValueError)
"""What a line raises that nobody of us wrote."""
_encode_lines: Final = msgspec.json.Encoder().encode_lines


def _read(text: bytes) -> Line:
    """Return what a line says; raises one of DAMAGED, also where it leads out of the source."""
    line: Line = _decode(text)
    if isinstance(line, Moving | Emptied) and not {b"", b".", b".."}.isdisjoint(line.name.split(b"/")):
        message = "The path leads elsewhere."
        raise ValueError(message)
    return line


def path_fields(path: bytes) -> dict[str, str]:
    """Return how a path stands in a line."""
    try:
        return {"path": path.decode()}
    except UnicodeDecodeError:
        return {"path": path.decode("utf-8", "replace"), "raw": base64.b64encode(path).decode()}


def receipt_path(own_data: Path, run_id: str) -> Path:
    """Return where the receipts of a run are."""
    return own_data / PLACE / f"{run_id}.jsonl"


def over_path(own_data: Path, run_id: str) -> Path:
    """Return where the receipts of a run are once nothing of it is aside and nobody lists it any more."""
    return own_data / PLACE / "over" / f"{run_id}.jsonl"


def lines_in(path: Path) -> Iterator[Line]:
    """Yield what a receipt says, up to the first line that is not whole; raises OSError."""
    with path.open("rb") as file:
        for text in file:
            try:
                if text.endswith(b"\n"):
                    yield _read(text)
                    continue
            except DAMAGED:
                pass
            return


class Receipts:
    """The receipts of a run, open to be added to; locked, so that one at a time takes away or puts back."""

    def __init__(self, path: Path, folders: Iterable[int] = ()) -> None:
        """Open them; each of the folders, given by its handle, gets a copy."""
        make_folder(path.parent)
        self.path = path
        self._file = _locked(path)
        self._copies: list[int] = []
        self.last = 0
        self.open: dict[int, Moving] = {}
        """Files whose end is not known yet."""
        try:
            self._take_up()
            for folder in folders:
                self._copies.append(self._copied(folder))
        except BaseException:
            self.close()
            raise

    def add(self, lines: Iterable[Line], *, durable: bool) -> None:
        """Add lines, here and at the destination; where that fails none is there. Raises OSError."""
        known = list(lines)
        text = _encode_lines(known) if known else b""
        for file in (self._file, *self._copies):
            _added(file, text, durable=durable)
        for line in known:
            self._note(line)

    def digest(self) -> tuple[str, int]:
        """Return the BLAKE3 digest of all that stands there, and how many bytes that are."""
        hasher, place = blake3(), 0
        while text := os.pread(self._file, 1 << 20, place):
            hasher.update(text)
            place += len(text)
        return hasher.hexdigest(), place

    def close(self) -> None:
        """Let go of them."""
        for file in (self._file, *self._copies):
            os.close(file)
        self._copies = []

    def __enter__(self) -> Self:
        """Return itself; it is closed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _note(self, line: Line) -> None:
        if isinstance(line, Moving):
            self.last = line.n
            self.open[line.n] = line
        elif isinstance(line, Became):
            self.open.pop(line.n, None)

    def _take_up(self) -> None:
        """Read what is there, and cut off what a crash left half-written; raises Stopped where a line is damaged."""
        good = 0
        with self.path.open("rb") as file:
            for text in file:
                if not text.endswith(b"\n"):
                    os.ftruncate(self._file, good)
                    return
                try:
                    self._note(_read(text))
                except DAMAGED:
                    raise Stopped(
                        f"The receipts {self.path} are damaged; keep them and look at them."
                    ) from None
                good += len(text)

    def _copied(self, folder: int) -> int:
        """Return the copy at the destination, made the same as this if it is not."""
        name = os.fsencode(self.path.name)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        copy = os.open(name, flags, 0o600, dir_fd=folder)
        try:
            os.ftruncate(copy, 0)
            place = 0
            while text := os.pread(self._file, 1 << 20, place):
                _added(copy, text, durable=False)
                place += len(text)
            os.fsync(copy)
            os.fsync(folder)
        except BaseException:
            os.close(copy)
            raise
        return copy


def opened(own_data: Path, run_id: str, destinations: Iterable[int] = ()) -> Receipts:
    """Return the receipts of a run, with a copy at each of the destinations, given by handle; raises OSError."""
    with contextlib.ExitStack() as stack:
        folders = []
        for destination in destinations:
            folders.append(folder_in(destination, RECEIPTS))
            stack.callback(os.close, folders[-1])
        return Receipts(receipt_path(own_data, run_id), folders)


def _locked(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    new = not path.exists()
    file = os.open(path, flags, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if new:
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except BaseException:
        os.close(file)
        raise
    return file


def _added(file: int, text: bytes, *, durable: bool) -> None:
    """Add a text at the end; where the disk refuses it the end is where it was."""
    before = os.fstat(file).st_size
    try:
        rest = memoryview(text)
        while rest:
            rest = rest[os.write(file, rest) :]
        if durable:
            os.fsync(file)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(file, before)
        raise
