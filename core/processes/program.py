"""One program of a run, seen from the server: started, found again, waited for, ended.

The lock on its `claim` is held exactly as long as its supervisor lives; `status` says how it ended. See
`core.processes.supervisor`.
"""

import contextlib
import fcntl
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

from core.errors import Refused
from core.models import Value
from core.processes.descent import bearers, boot_id, known, signal_one
from core.processes.orders import GRACE, MARK, Exit, Order

log = logging.getLogger(__name__)

SUPERVISOR: Final = Path(__file__).with_name("supervisor.py")
CLAIM: Final = 3
"""The number under which a supervisor finds the open claim."""

CLAIMED_WITHIN: Final = 2.0
"""Seconds that whoever looks at a claim, or ends, has to let go of it."""

SWEPT_WITHIN: Final = 10.0
LOOK_EVERY: Final = 0.02


class Standing(StrEnum):
    """How a program stands."""

    NEVER_BEGAN = "never began"
    AT_WORK = "at work"
    OVER = "over"
    LOST = "lost"


class _Identity(msgspec.Struct, frozen=True):
    """Which process a supervisor is: a number alone may be another's by now."""

    pid: int
    started: int
    boot: str


class Sweep(Value, frozen=True, kw_only=True):
    """What was ended of a lost program, and what could not be."""

    ended: int = 0
    stubborn: int = 0


class Program:
    """A program in a folder of its own, bearing a mark ("<run id>:<attempt>"). It can begin once."""

    def __init__(self, folder: Path, mark: str) -> None:
        self.folder = folder
        self._mark = f"{MARK}={mark}"
        self._child = 0
        self._who: _Identity | None = None

    def standing(self) -> Standing:
        """Tell how it stands, whoever started it and whatever became of them."""
        if self._has("status"):
            return Standing.OVER
        with self._looking_at_claim() as free:
            if not free:
                return Standing.AT_WORK
            if self._has("status"):  # it ended between the two looks
                return Standing.OVER
            return Standing.LOST if self._has("supervisor") else Standing.NEVER_BEGAN

    def start(self, order: Order) -> None:
        """Start it under a supervisor; raises Refused where one was started before, or OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        claim = self._claim()
        try:
            if self._has("supervisor") or self._has("status"):
                raise Refused("This program was started before, and a program is never started twice.")
            self._write_order(order)
            self._child = _spawn(self.folder, claim)
        finally:
            os.close(claim)

    def ending(self) -> Exit | None:
        """Return how it ended; None while nobody knows, or when a disk in trouble lost it."""
        try:
            plain = msgspec.json.decode((self.folder / "status").read_bytes(), type=dict[str, Any])
            wanted = {name: plain[name] for name in Exit.__struct_fields__ if name in plain}
            return msgspec.convert(wanted, Exit)
        except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
            return None

    def end(self) -> None:
        """Ask the supervisor to end it and everything it has started; returns at once."""
        self._tell(signal.SIGTERM)
        self._tell(signal.SIGCONT)

    def give_up(self) -> Sweep:
        """End a supervisor that does not obey, and everything that bears the mark."""
        self._tell(signal.SIGKILL)
        return self.sweep(grace=0.0)

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, or so many seconds."""
        with self._handle() as handle:
            if handle is None:
                if self.standing() is Standing.AT_WORK:  # it has yet to say who it is, or is being looked at
                    time.sleep(min(seconds, LOOK_EVERY))
                return
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            if poll.poll(seconds * 1_000):
                self._take_leave()

    def sweep(self, *, grace: float = GRACE) -> Sweep:
        """End whatever still bears the mark: TERM, after the grace KILL, until nothing is left."""
        found = {process.pid for process in bearers(self._mark.encode())}
        self._send_to_bearers(signal.SIGTERM, grace)
        self._send_to_bearers(signal.SIGKILL, SWEPT_WITHIN)
        return Sweep(ended=len(found), stubborn=len(bearers(self._mark.encode())))

    @property
    def age(self) -> float | None:
        """Return how many seconds ago its supervisor began, whatever the clock was set to; None where nobody knows."""
        who = self._identity()
        if who is None or not who.boot or who.boot != boot_id():
            return None
        return time.clock_gettime(time.CLOCK_BOOTTIME) - who.started / os.sysconf("SC_CLK_TCK")

    @property
    def has_vanished(self) -> bool:
        """Tell whether somebody removed the folder of a program that was seen to have begun."""
        return (self._child > 0 or self._who is not None) and not self._has("claim")

    @property
    def is_kept(self) -> bool:
        """Tell whether its supervisor is there, with or without a folder."""
        return self._pid() > 0

    def is_haunted(self) -> bool:
        """Tell whether something of it lives although it was lost."""
        return self.standing() is Standing.LOST and bool(bearers(self._mark.encode()))

    def _send_to_bearers(self, number: int, within: float) -> None:
        until = time.monotonic() + within
        told: set[int] = set()
        while (left := bearers(self._mark.encode())) and time.monotonic() < until:
            for process in left:
                if number == signal.SIGKILL or process.pid not in told:
                    signal_one(process, number)
                    signal_one(process, signal.SIGCONT)
                    told.add(process.pid)
            time.sleep(LOOK_EVERY)

    # The parts of it

    def _has(self, name: str) -> bool:
        return (self.folder / name).exists()

    @contextlib.contextmanager
    def _looking_at_claim(self) -> Iterator[bool]:
        """Tell whether nobody has the claim, and let nobody have it meanwhile."""
        try:
            file = os.open(self.folder / "claim", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            yield True
            return
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
        finally:
            os.close(file)

    def _claim(self) -> int:
        """Return the claim, open and locked; raises Refused while another has it."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(self.folder / "claim", flags, 0o600)
        until = time.monotonic() + CLAIMED_WITHIN
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < until:
                    time.sleep(LOOK_EVERY)
                    continue
                os.close(file)
                raise Refused("This program is at work already.") from None
            return file

    def _write_order(self, order: Order) -> None:
        if order.stdin:
            path = self.folder / "stdin"
            self._write(path, order.stdin.encode())
            order = msgspec.structs.replace(order, stdin="", stdin_file=str(path))
        plain = {**msgspec.to_builtins(order), "mark": self._mark}
        self._write(self.folder / "order", msgspec.json.encode(plain))

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        new = path.with_name(f"{path.name}.new")
        new.unlink(missing_ok=True)
        with os.fdopen(
            os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb"
        ) as file:
            file.write(content)
        new.rename(path)

    def _identity(self) -> _Identity | None:
        """Return who keeps it, which never changes once it is known."""
        if self._who is None:
            with contextlib.suppress(OSError, msgspec.DecodeError):
                content = (self.folder / "supervisor").read_bytes()
                self._who = msgspec.json.decode(content, type=_Identity)
        return self._who

    def _pid(self) -> int:
        """Return the number of the supervisor while it is this very process; 0 when it is not there."""
        if self._child:
            return self._child  # our own child keeps its number until we take leave of it
        who = self._identity()
        if who is None or who.boot != boot_id():
            return 0
        process = known(who.pid)
        return who.pid if process is not None and process.started == who.started else 0

    @contextlib.contextmanager
    def _handle(self) -> Iterator[int | None]:
        """Hold on to the supervisor, whose number may be another's in a moment; None when it is not there."""
        pid = self._pid()
        try:
            handle = os.pidfd_open(pid) if pid else None
        except OSError:
            handle = None
        try:
            yield handle if handle is not None and self._pid() == pid else None
        finally:
            if handle is not None:
                os.close(handle)

    def _tell(self, number: int) -> None:
        with self._handle() as handle:
            if handle is not None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, number)

    def _take_leave(self) -> None:
        """Let the number of a supervisor that was started by this process go, once it has ended."""
        if pid := self._pid():
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(pid, os.WNOHANG)[0]:
                    self._child = 0


def _spawn(folder: Path, claim: int) -> int:
    """Start a supervisor that holds the claim; returns its number."""
    argv = [sys.executable, "-X", "utf8", "-I", "-S", str(SUPERVISOR), str(folder), str(CLAIM)]
    nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    held = (os.POSIX_SPAWN_DUP2, claim, CLAIM)
    needed = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return os.posix_spawn(
        sys.executable, argv, needed, file_actions=[*nothing, held], setsid=True, setsigmask=()
    )
