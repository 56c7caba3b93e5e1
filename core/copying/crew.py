"""The crew: child processes that do the work, and the thread that hands it out.

The thread only passes messages on, so that however much is copied, the server stays at hand.
"""

import os
import selectors
import signal
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from core.copying.board import Board
from core.copying.messages import Reply, Request, Setup, pack, unpack_reply

LENGTH: Final = struct.Struct("<I")
READ_SIZE: Final = 1 << 18
AHEAD: Final = 2
"""How many requests a member has at hand, so that it never waits for the next."""
WIND_UP_SECONDS: Final = 0.6
"""How long members may take to stop when asked; then they are ended."""
LOOK_SECONDS: Final = 0.1

BOOTSTRAP: Final = "import sys; sys.path[:] = sys.argv[1:]; from core.copying.child import main; main()"


Following = Callable[[], tuple[Any, Request] | None]
"""Answers what is to be done next, with a key of the asker's own."""


class CrewLost(Exception):
    """A member ended without being asked to, or cannot go on; the message says why."""


class MemberEnded(CrewLost):
    """A member is no more; the message says what became of it."""

    def __init__(self, code: int) -> None:
        if code < 0:
            name = signal.Signals(-code).name
            super().__init__(f"one of its processes was killed from outside ({name})")
        else:
            super().__init__(f"one of its processes ended by itself, with {code}")


class Member:
    """One child process and what is on its way to it and from it."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.waiting: deque[Any] = deque()
        self._out = bytearray()
        self._in = bytearray()
        self._input = handle_of(process.stdin)
        self.output = handle_of(process.stdout)
        os.set_blocking(self._input, False)

    def send(self, message: bytes) -> None:
        """Take a message for the child."""
        self._out += LENGTH.pack(len(message)) + message
        self.push()

    def push(self) -> bool:
        """Write what the pipe takes; tell whether everything is on its way."""
        while self._out:
            try:
                written = os.write(self._input, self._out[:READ_SIZE])
            except BlockingIOError:
                return False
            except BrokenPipeError:
                self._out.clear()
                return True
            del self._out[:written]
        return True

    def replies(self) -> Iterator[Reply]:
        """Yield what the child has answered. Raises CrewLost when it has ended."""
        data = os.read(self.output, READ_SIZE)
        if not data:
            raise MemberEnded(self.process.wait())
        self._in += data
        while len(self._in) >= LENGTH.size:
            (size,) = LENGTH.unpack_from(self._in)
            if len(self._in) < LENGTH.size + size:
                return
            reply = unpack_reply(bytes(self._in[LENGTH.size : LENGTH.size + size]))
            del self._in[: LENGTH.size + size]
            yield reply

    def end(self) -> None:
        """Wait until the child, which was killed, is gone.

        One that hangs in the kernel, in a sync of a slow disk perhaps, is left to a thread.
        """
        try:
            self.process.wait(WIND_UP_SECONDS)
        except subprocess.TimeoutExpired:
            threading.Thread(target=self.process.wait, daemon=True).start()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


def handle_of(stream: "IO[bytes] | None") -> int:
    """Return the number of a pipe's handle."""
    assert stream is not None  # noqa: S101 - we asked for the pipe
    return stream.fileno()


def start_member(handles: Sequence[int]) -> "subprocess.Popen[bytes]":
    """Start a child that finds what its parent finds, whatever the folder it is started in."""
    root = str(Path(__file__).resolve().parents[2])
    path = [root, *(str(Path(entry).absolute()) for entry in sys.path if entry)]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", BOOTSTRAP, *path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=handles,
        cwd="/",
        process_group=0,  # Ctrl-C is for the parent to decide on
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
    )


class Crew:
    """Some members that share a source, a destination and a board."""

    def __init__(self, size: int, setup: Setup, board: Board) -> None:
        self.board = board
        handles = (setup.source, setup.destination, setup.board)
        self._members: list[Member] = []
        try:
            for _ in range(size):
                self._members.append(Member(start_member(handles)))
        except OSError:
            self.end()
            raise
        for seat, member in enumerate(self._members):
            member.send(pack(msgspec.structs.replace(setup, seat=seat, parent=os.getpid())))

    def work(
        self,
        following: Following,
        on_reply: Callable[[Any, Reply], None],
        on_tick: Callable[[], bool],
        *,
        limit: Callable[[], int] = lambda: 0,
        members: int | None = None,
    ) -> bool:
        """Hand out all requests; tell whether all were done, False is stopped half-way.

        `following` answers a key and a request, or None for none at present; it is asked again
        until it has none and no reply is awaited. `on_tick` is called about ten times a second
        and answers whether to go on. `limit` answers, as often, with the bytes a second of all
        together; 0 is as fast as they can. Raises CrewLost.
        """
        shift = Shift(self._members[:members], self.board, following, on_reply, limit)
        try:
            return shift.run(on_tick)
        finally:
            shift.close()

    def end(self) -> None:
        """End every member, whatever it is doing."""
        for member in self._members:
            member.process.kill()
        for member in self._members:
            member.end()


class Shift:
    """One stage's work of a crew."""

    def __init__(
        self,
        members: Sequence[Member],
        board: Board,
        following: Following,
        on_reply: Callable[[Any, Reply], None],
        limit: Callable[[], int],
    ) -> None:
        self._limit_now = limit
        self._limit = limit()
        self._members = members
        self._board = board
        self._following = following
        self._on_reply = on_reply
        self._selector = selectors.DefaultSelector()
        for member in members:
            self._selector.register(member.output, selectors.EVENT_READ, member)
        self._stopping_since: float | None = None

    def run(self, on_tick: Callable[[], bool]) -> bool:
        """Work until nothing is left, or until asked to stop."""
        next_tick = time.monotonic()
        while True:
            self._hand_out()
            self._share_rate()
            if not any(member.waiting for member in self._members):
                return self._stopping_since is None
            now = time.monotonic()
            if now >= next_tick:
                next_tick = now + LOOK_SECONDS
                self._limit = self._limit_now()
                if self._stopping_since is None and not on_tick():
                    self._ask_to_stop()
            if self._stopping_since and now - self._stopping_since > WIND_UP_SECONDS:
                return False
            self._take_replies(max(0.0, next_tick - now))

    def _ask_to_stop(self) -> None:
        self._stopping_since = time.monotonic()
        self._board.stop = True

    def _hand_out(self) -> None:
        if self._stopping_since is not None:
            return
        for depth in range(AHEAD):
            for member in self._members:
                if len(member.waiting) > depth:
                    continue
                following = self._following()
                if following is None:
                    return
                key, request = following
                member.waiting.append(key)
                member.send(pack(request))

    def _share_rate(self) -> None:
        busy = sum(bool(member.waiting) for member in self._members)
        self._board.rate = self._limit // max(1, busy)

    def _take_replies(self, seconds: float) -> None:
        full = [member for member in self._members if not member.push()]
        for key, _ in self._selector.select(min(seconds, 0.01) if full else seconds):
            member: Member = key.data
            for reply in member.replies():
                self._take(member, reply)

    def _take(self, member: Member, reply: Reply) -> None:
        if reply.kind == "part":
            self._on_reply(member.waiting[0], reply)
            return
        key = member.waiting.popleft()
        if reply.kind in {"done", "broken"}:
            self._on_reply(key, reply)
        if reply.kind == "broken":
            raise CrewLost(reply.reason)

    def close(self) -> None:
        """Let go of the pipes."""
        self._selector.close()
