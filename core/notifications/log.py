"""What was noticed and what is to be sent, in one file that is only ever added to.

A notice and its messages are one line: after a crash there are both or neither. It is a file of its own and not part
of the store, so that ten thousand failures at once are one write, a receiver that is dead for a day adds nothing to
the journal, and a store that is restored does not send last week's mail again. What cannot be written now is kept in
memory and written as soon as the disk takes it.
"""

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from core.errors import StorageFailed
from core.models import Moment
from core.notifications.values import Ended, Item, Message, Notice
from core.storage.atomic import make_folder, storage_error, sync_folder, write_all, write_whole

log = logging.getLogger(__name__)

NAME: Final = "log.jsonl"
MOST_PENDING: Final = 20_000
"""Lines that are kept in memory while the disk takes none."""


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="k"):
    """One line of the file."""


class Held(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A notice that goes into a digest: which, through which channel, and when that is sent."""

    id: str
    channel: str
    put_at: Moment
    due_at: Moment
    item: Item


class Told(Line, frozen=True, kw_only=True, omit_defaults=True, tag="told"):
    """A notice with the messages that it makes; `muted` are keys of which one more was not told."""

    notice: Notice
    messages: tuple[Message, ...] = ()
    held: tuple[Held, ...] = ()
    told: tuple[str, ...] = ()
    muted: tuple[str, ...] = ()
    cleared: str = ""


class Tried(Line, frozen=True, kw_only=True, omit_defaults=True, tag="tried"):
    """Messages that did not get through, and why."""

    ids: tuple[str, ...]
    trouble: str


class Over(Line, frozen=True, kw_only=True, omit_defaults=True, tag="over"):
    """A message that will not be tried any more."""

    ended: Ended


class Dropped(Line, frozen=True, kw_only=True, omit_defaults=True, tag="dropped"):
    """Messages that nobody wants any more: their channel is gone."""

    ids: tuple[str, ...]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """When a failure was last told by a rule, and how often since it was not."""

    at: Moment
    muted: int = 0


class Kept(Line, frozen=True, kw_only=True, omit_defaults=True, tag="kept"):
    """Everything that is still of use, as the first line of a file that was written anew."""

    number: int = 0
    notices: tuple[tuple[int, Notice], ...] = ()
    known: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    ended: tuple[Ended, ...] = ()
    standing: dict[str, Standing] = {}
    late: tuple[Notice, ...] = ()
    mark: Moment | None = None


class Mark(Line, frozen=True, kw_only=True, omit_defaults=True, tag="mark"):
    """Everything up to this moment was noticed."""

    at: Moment


AnyLine = Told | Tried | Over | Dropped | Kept | Mark

_decode = msgspec.json.Decoder(AnyLine).decode
_encode = msgspec.json.Encoder().encode


class LogFile:
    """The file. Its owner holds a lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._pending: list[bytes] = []
        self._size = 0
        self._closed = False
        self.lines = 0
        self.trouble = ""

    def read(self) -> Iterator[AnyLine]:
        """Yield every line that is whole; raises StorageFailed where the file cannot be read."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise storage_error("What was told to people cannot be read", error) from error
        whole, _, _ = content.rpartition(b"\n")
        self._size = len(whole) + 1 if whole else 0
        for number, text in enumerate(whole.split(b"\n") if whole else (), start=1):
            self.lines = number
            try:
                yield _decode(text)
            except (msgspec.MsgspecError, UnicodeError):
                log.warning("line %d of %s cannot be read; what it said is left out", number, self._path)

    def close(self) -> None:
        """Write nothing any more."""
        self._closed = True

    def append(self, lines: Sequence[AnyLine]) -> None:
        """Make the lines durable, with whatever waits; where the disk refuses, they wait for the next time."""
        self._pending += [_encode(line) for line in lines]
        del self._pending[:-MOST_PENDING]
        if not self._pending or self._closed:
            return
        try:
            self._write(b"\n".join((*self._pending, b"")))
        except OSError as error:
            self.trouble = str(storage_error("What was told to people cannot be kept", error))
            log.warning("%s", self.trouble)
            return
        self.lines += len(self._pending)
        self._pending.clear()
        self.trouble = ""

    def _write(self, content: bytes) -> None:
        fresh = not self._path.exists()
        self._make_folders()
        flags = os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._path, flags, 0o600)
        try:
            os.ftruncate(descriptor, self._size)  # what an earlier write left of itself
            os.lseek(descriptor, self._size, os.SEEK_SET)
            try:
                write_all(descriptor, content)
                os.fdatasync(descriptor)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, self._size)
                raise
        finally:
            os.close(descriptor)
        self._size += len(content)
        if fresh:
            sync_folder(self._folder)

    def _make_folders(self) -> None:
        self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_folder(self._folder)

    def rewrite(self, kept: Kept) -> None:
        """Begin the file anew with what is still of use; where the disk refuses, it stays as it is."""
        if self._closed:
            return
        content = _encode(kept) + b"\n"
        try:
            self._make_folders()
            write_whole(self._path, content)
        except OSError as error:
            log.warning("%s", storage_error("What was told to people cannot be written anew", error))
            return
        except StorageFailed as error:
            log.warning("%s", error)
            return
        self._pending.clear()
        self._size, self.lines, self.trouble = len(content), 1, ""
