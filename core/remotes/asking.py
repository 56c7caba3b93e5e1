"""A short question to a program: is the place there, which key has the host, which version is it.

Only for probes. The work of a run goes through `RunContext.execute`, which a restart takes up.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Final, NamedTuple

MOST_KEPT: Final = 16_000_000
"""Bytes of each stream that are kept: a list of 20,000 snapshots; what is said beyond is read and forgotten."""

LOOK_EVERY: Final = 0.05
LINGER: Final = 1.0
"""Seconds between two looks at whether it ended, and for which its last words are waited for after that."""

PIECE: Final = 65_536


class Asked(NamedTuple):
    """What a program answered. `code` is None where it was out of time, could not be started or ended by a signal."""

    code: int | None
    out: str
    err: str
    timed_out: bool


def never() -> bool:
    """Tell that nobody has had enough."""
    return False


def ask(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    seconds: float = 20.0,
    stdin: str = "",
    enough: Callable[[], bool] = never,
) -> Asked:
    """Run a program for a moment and return what it said; afterwards nothing of its group is left at work.

    `environment` is all it gets. A program that is not there is an answer too: no code, and the reason among its errors.
    Its time is over too once `enough` says so, which is asked often.
    """
    try:
        program = subprocess.Popen(
            list(argv),
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return Asked(None, "", str(error), timed_out=False)
    talk = _Talk(program, stdin.encode(errors="surrogateescape"))
    try:
        timed_out = talk.hold(time.monotonic() + seconds, enough)
    finally:
        _end_group(program.pid)
    talk.hear_last_words()
    code = _code_of(program)
    talk.close()
    return Asked(None if timed_out or code < 0 else code, talk.out, talk.err, timed_out)


def _code_of(program: subprocess.Popen[bytes]) -> int:
    """Return how a program ended whose group was ended; one that waits for a dead disk ends when the disk lets it."""
    try:
        return program.wait(LINGER)
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL


class _Talk:
    """Writes what a program reads and keeps the beginning of what it says, whichever pipe is ready first."""

    def __init__(self, program: subprocess.Popen[bytes], stdin: bytes) -> None:
        if program.stdin is None or program.stdout is None or program.stderr is None:
            message = "A program is asked by pipes."
            raise ValueError(message)
        self._program = program
        self._input = program.stdin
        self._unsaid = memoryview(stdin)
        self._heard = {program.stdout: bytearray(), program.stderr: bytearray()}
        self._selector = selectors.DefaultSelector()
        for pipe in (self._input, *self._heard):
            os.set_blocking(pipe.fileno(), False)
            events = selectors.EVENT_WRITE if pipe is self._input else selectors.EVENT_READ
            self._selector.register(pipe, events)

    @property
    def out(self) -> str:
        """Return the beginning of what it wrote to its standard output."""
        return self._text(self._program.stdout)

    @property
    def err(self) -> str:
        """Return the beginning of what it wrote to its standard error."""
        return self._text(self._program.stderr)

    def _text(self, pipe: IO[bytes] | None) -> str:
        return bytes(self._heard[pipe]).decode(errors="replace") if pipe is not None else ""

    def hold(self, until: float, enough: Callable[[], bool]) -> bool:
        """Talk until it has ended; returns True where its time was over before."""
        while not self._has_ended():
            left = until - time.monotonic()
            if left <= 0 or enough():
                return True
            self._turn(min(left, LOOK_EVERY))
        return False

    def hear_last_words(self) -> None:
        """Read what is left in the pipes; one that somebody else still holds is not waited for."""
        until = time.monotonic() + LINGER
        while self._selector.get_map() and (left := until - time.monotonic()) > 0:
            self._turn(left)

    def close(self) -> None:
        """Let go of the pipes."""
        self._selector.close()
        for pipe in (self._input, *self._heard):
            with contextlib.suppress(OSError):
                pipe.close()

    def _has_ended(self) -> bool:
        # It is not reaped before its group has been ended: until then nobody else can have its number.
        found = os.waitid(os.P_PID, self._program.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return found is not None

    def _turn(self, seconds: float) -> None:
        if not self._selector.get_map():
            time.sleep(seconds)
            return
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._input:
                self._say_some()
            else:
                self._hear_some(key.fileobj)  # type: ignore[arg-type] # only the pipes above are there

    def _say_some(self) -> None:
        try:
            said = os.write(self._input.fileno(), self._unsaid[:PIECE]) if self._unsaid else 0
            self._unsaid = self._unsaid[said:]
        except OSError:
            self._unsaid = self._unsaid[:0]
        if not self._unsaid:
            self._selector.unregister(self._input)
            with contextlib.suppress(OSError):
                self._input.close()

    def _hear_some(self, pipe: IO[bytes]) -> None:
        piece = os.read(pipe.fileno(), PIECE)
        heard = self._heard[pipe]
        heard += piece[: MOST_KEPT - len(heard)]
        if not piece:
            self._selector.unregister(pipe)


def _end_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
