"""Children that do something and may be killed at it; none outlives us."""

import ctypes
import os
import pickle
import select
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, TypeVar, cast

Answer = TypeVar("Answer")

DIES_WITH_PARENT: Final = 1
FAILED: Final = 70
KILLED: Final = -signal.SIGKILL


class ChildFailed(Exception):
    """A child ended in another way than it should."""


class Child:
    """A copy of this process that does one thing and ends. Use it in a `with`: it is gone after it."""

    def __init__(self, work: Callable[[], None], *, quiet: bool = False) -> None:
        parent = os.getpid()
        sys.stdout.flush()
        self.pid = os.fork()
        self._ended: int | None = None
        if not self.pid:
            _live(work, parent, quiet=quiet)

    def kill(self) -> None:
        """End it as the kernel does when memory is short: at once, with nothing said."""
        if self._ended is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Return its exit code, once it has ended; negative is the signal that ended it."""
        if self._ended is None:
            _, status = os.waitpid(self.pid, 0)
            self._ended = os.waitstatus_to_exitcode(status)
        return self._ended

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end, so long and no longer; tell whether it came."""
        if self._ended is None:
            descriptor = os.pidfd_open(self.pid)
            try:
                select.select([descriptor], [], [], seconds)
            finally:
                os.close(descriptor)
        return not self.is_alive()

    def is_alive(self) -> bool:
        """Tell whether it has not ended yet."""
        if self._ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._ended = os.waitstatus_to_exitcode(status) if pid else None
        return self._ended is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self.wait()


def answer_of(question: Callable[[], Answer]) -> Answer:
    """Return what a child answers; its memory, threads and locks go with it. Raises ChildFailed, saying why."""
    with tempfile.TemporaryFile() as paper:

        def work() -> None:
            try:
                answered: tuple[bool, object] = True, question()
            except Exception:  # noqa: BLE001 - raised again on our side
                answered = False, traceback.format_exc()
            paper.write(pickle.dumps(answered))
            paper.flush()

        with Child(work) as child:
            code = child.wait()
        if code:
            message = f"A child that was asked something ended with {code}."
            raise ChildFailed(message)
        paper.seek(0)
        well, answer = pickle.load(paper)
    if not well:
        raise ChildFailed(answer)
    return cast("Answer", answer)


def _live(work: Callable[[], None], parent: int, *, quiet: bool) -> None:
    """Do the work and end, whatever happens; this is a child."""
    code = FAILED
    try:
        ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before we could ask to go with it
            os._exit(FAILED)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        work()
        code = 0
    except Exception:  # noqa: BLE001 - whatever it was, the parent learns of it by the code
        if not quiet:
            traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
