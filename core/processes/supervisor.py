"""Keeps one program: starts it, takes in what it says, ends it when asked or late, and writes down how it ended.

Run by path, `python -I -S supervisor.py FOLDER CLAIM`, and by nobody else: a process of its own that outlives whoever
started it. CLAIM is the number of an open file whose lock it holds for as long as it lives. Standard library only, and
of that as little as it can do with: one of these stands beside every program.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
from typing import Any, Final

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))  # noqa: PTH100, PTH120

from core.processes.descent import Known, below, boot_id, everybody, known, signal_one
from core.processes.framing import MOST_AT_ONCE, Output
from core.processes.launching import PIPE_SIZE, CannotStart, Started, launch

Plain = dict[str, Any]

FORMAT: Final = 1
BEGAN_BEFORE: Final = 3
NO_ROOM: Final = 4
"""What this process ends with when it did not start a program: one was before it, or the disk refused."""

SUBREAPER: Final = 36
"""prctl(2), PR_SET_CHILD_SUBREAPER."""

RESERVED: Final = 4_096
"""Bytes set aside while there is room, so that how it ended can be written on a disk that is full by then."""

GATHER_FOR: Final = 0.002
"""Seconds that a program which says little at a time may go on before it is listened to again."""

SETTLED_WITHIN: Final = 0.25
"""Seconds that what a program started has to end by itself once the program did."""

KILLED_WITHIN: Final = 10.0
"""Seconds that the kernel has to make an end of what was killed."""

KILL_AGAIN_AFTER: Final = 0.01
LOOK_EVERY: Final = 0.05
LATEST_EVERY: Final = 1.0
"""Seconds between two looks that others may have at what is said beyond the quota."""

WRITE_AGAIN_EVERY: Final = 1.0


class Supervisor:
    """Stands beside one program from before its start until nothing of it is left."""

    def __init__(self, order: Plain, wishes: list[int]) -> None:
        self._order = order
        self._wishes = wishes
        longest = min(order.get("longest_line", MOST_AT_ONCE), MOST_AT_ONCE)
        self._read_size = max(longest, 1)
        self._output = Output("output", order.get("output_quota", 20_000_000), self._read_size)
        self._streams: dict[int, bytes] = {}
        self._poll = select.poll()
        self._wake, tell = os.pipe()
        for end in (self._wake, tell):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
        self._poll.register(self._wake, select.POLLIN)
        self._status: int | None = None
        self._childless = False
        self._pid = 0
        self._started_at = self._ended_at = time.time()
        self._left_behind = self._stubborn = 0
        self._latest_at = 0.0

    def keep(self) -> Plain:
        """Run the program to its end; returns how it ended."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        if self._wishes:
            return self._ending("request", "It was ended before it began.")
        try:
            started = launch(self._order, self._order["mark"])
        except CannotStart as error:
            return self._ending("not-started", str(error))
        finally:
            _forget("stdin")
        began = time.monotonic()
        self._listen(started)
        limit = self._order.get("time_limit")
        reason, kill_at = self._until_it_ends(None if limit is None else began + limit)
        if kill_at is None:
            self._end_what_is_left_behind()
        elif not self._gone_by(kill_at):
            self._kill()
        self._hear_the_rest()
        return self._ending(reason)

    def _listen(self, started: Started) -> None:
        self._pid = started.pid
        self._started_at = time.time()
        for number, stream in ((started.out, b"out"), (started.err, b"err")):
            self._streams[number] = stream
            self._poll.register(number, select.POLLIN)

    def _until_it_ends(self, late_at: float | None) -> tuple[str, float | None]:
        """Return once the program has ended: why it did, and until when all of it may end, if that was asked for."""
        reason, kill_at = "ended", None
        while self._status is None:
            now = time.monotonic()
            if kill_at is None and (self._wishes or (late_at is not None and now >= late_at)):
                reason, kill_at = "request" if self._wishes else "timeout", now + self._grace
                self._ask_to_end()
            if kill_at is not None and now >= kill_at:
                break
            nearest = late_at if kill_at is None else kill_at
            self._hear(None if nearest is None else nearest - now)
            self._reap()
        return reason, kill_at

    def _ask_to_end(self) -> None:
        """Tell all of it by TERM; a program that tidies up is told by INT and needs what it has started for that."""
        program = known(self._pid) if self._order.get("tidies_up") else None
        if program is None:
            self._send(signal.SIGTERM)
        else:
            signal_one(program, signal.SIGINT)
            signal_one(program, signal.SIGCONT)

    def _end_what_is_left_behind(self) -> None:
        """End what the program has started and left: it has a moment, then TERM, then the grace, then KILL."""
        if self._gone_by(time.monotonic() + SETTLED_WITHIN):
            return
        self._left_behind = len(self._below())
        self._send(signal.SIGTERM)
        if not self._gone_by(time.monotonic() + self._grace):
            self._kill()

    @property
    def _grace(self) -> float:
        grace: float = self._order.get("grace", 5.0)
        return grace

    def _gone_by(self, until: float) -> bool:
        """Tell whether everything has ended by then."""
        while not self._reap() and (left := until - time.monotonic()) > 0:
            self._hear(min(left, LOOK_EVERY))
        return self._childless

    def _kill(self) -> None:
        """Stop everything so that nothing new is started, then kill it, until nothing is left."""
        until, pause = time.monotonic() + KILLED_WITHIN, KILL_AGAIN_AFTER
        while not self._reap() and time.monotonic() < until:
            self._send(signal.SIGSTOP)
            self._send(signal.SIGKILL)
            self._gone_by(time.monotonic() + pause)
            pause = min(2 * pause, 1.0)
        self._stubborn = 0 if self._childless else len(self._below())

    def _below(self) -> list[Known]:
        return below([os.getpid()], everybody())

    def _send(self, number: int) -> None:
        for process in self._below():
            signal_one(process, number)
            if number == signal.SIGTERM:
                signal_one(process, signal.SIGCONT)  # what is stopped would not hear of it

    def _reap(self) -> bool:
        """Take leave of every child that has ended; tell whether none is left."""
        while not self._childless:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self._childless = True
                break
            if pid == 0:
                break
            if pid == self._pid:
                self._status, self._ended_at = status, time.time()
        return self._childless

    def _hear(self, seconds: float | None) -> None:
        """Wait until the program says something or anything else happens, and take it in."""
        if self._output.unseen:
            seconds = min(self._show_latest(), LATEST_EVERY if seconds is None else seconds)
        wait = None if seconds is None else max(seconds, 0.0) * 1_000
        small = False
        for number, _ in self._poll.poll(wait):
            if number == self._wake:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, MOST_AT_ONCE)
            else:
                small = self._take(number) < self._read_size or small
        if small and not self._wishes:
            time.sleep(GATHER_FOR)

    def _show_latest(self) -> float:
        """Show the latest of what is beyond the quota, now and then; returns in how many seconds it may be again."""
        now = time.monotonic()
        if now >= self._latest_at:
            self._output.show_latest("latest")
            self._latest_at = now + LATEST_EVERY
        return self._latest_at - now

    def _take(self, number: int) -> int:
        """Take in what there is of a stream; returns how much that was."""
        try:
            chunk = os.read(number, self._read_size)
        except BlockingIOError:
            return 0
        if not chunk:
            self._poll.unregister(number)
            os.close(number)
            del self._streams[number]
            return 0
        self._output.take(int(time.time() * 1_000), self._streams[number], chunk)
        return len(chunk)

    def _hear_the_rest(self) -> None:
        """Take in what is on its way; what could not be ended may go on to speak, and is heard no longer."""
        for number in tuple(self._streams):
            heard = 0
            while number in self._streams and heard < PIPE_SIZE and (size := self._take(number)):
                heard += size

    def _ending(self, reason: str, message: str = "") -> Plain:
        self._output.finish("tail")  # before anybody counts what is not kept
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        code = None if self._status is None else os.waitstatus_to_exitcode(self._status)
        return {
            "reason": reason,
            "message": message,
            "code": code if code is not None and code >= 0 else None,
            "signal": -code if code is not None and code < 0 else None,
            "started_at": _moment(self._started_at),
            "ended_at": _moment(self._ended_at),
            "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
            "peak_memory_bytes": usage.ru_maxrss * 1_024 if reason != "not-started" else 0,
            "left_behind": self._left_behind,
            "stubborn": self._stubborn,
            "lines": self._output.lines,
            "bytes": self._output.bytes,
            "dropped": self._output.dropped,
            "disk_trouble": self._output.trouble,
        }


def main(folder: str, claim: int) -> int:
    """Keep the program that the folder's order describes; returns what to end with."""
    wishes: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: wishes.append(number))
    _stand_alone(folder, claim)
    try:
        with open("order", "rb") as file:  # noqa: PTH123 - pathlib costs 5 ms
            order: Plain = json.load(file)
        _begin()
    except FileExistsError:
        return BEGAN_BEFORE
    except OSError:
        return NO_ROOM
    supervisor = Supervisor(order, wishes)
    _forget("order")
    ending = supervisor.keep()
    _write_down(ending)
    return 0


def _stand_alone(folder: str, claim: int) -> None:
    """Be a session of one's own, which no terminal ends and to which everything falls that loses its parent."""
    os.set_inheritable(claim, False)
    os.closerange(3, claim)
    os.closerange(claim + 1, 65_536)
    with contextlib.suppress(PermissionError):  # whoever started it has seen to that
        os.setsid()
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    os.umask(0o077)
    os.chdir(folder)


def _forget(name: str) -> None:
    """Remove a file that may hold what nobody else should read, once it was read or is open."""
    with contextlib.suppress(OSError):
        os.unlink(name)  # noqa: PTH108 - pathlib costs 5 ms


def _begin() -> None:
    """Write down who this is, once and for ever; raises FileExistsError where another was before."""
    for name in ("status.new", "supervisor.new"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)  # noqa: PTH108 - as above
    _write("status.new", b" " * RESERVED)
    myself = known(os.getpid())
    who = {
        "format": FORMAT,
        "pid": os.getpid(),
        "started": myself.started if myself else 0,
        "boot": boot_id(),
    }
    _write("supervisor.new", json.dumps(who).encode())
    os.link("supervisor.new", "supervisor")
    os.unlink("supervisor.new")  # noqa: PTH108 - as above
    _sync_folder()


def _write_down(ending: Plain) -> None:
    """Make known how it ended, however long the disk refuses; a folder that is gone wants nothing any more."""
    content = json.dumps({"format": FORMAT, **ending}).encode()
    while True:
        try:
            _write("status.new", content, os.O_WRONLY)
            os.rename("status.new", "status")  # noqa: PTH104 - as above
            _sync_folder()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(WRITE_AGAIN_EVERY)
        else:
            return


def _write(name: str, content: bytes, flags: int = os.O_WRONLY | os.O_CREAT | os.O_EXCL) -> None:
    """Write the whole of a file in place, and wait until it is on the disk."""
    file = os.open(name, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.ftruncate(file, len(content))
        os.fsync(file)
    finally:
        os.close(file)


def _sync_folder() -> None:
    folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _moment(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1_000_000):06d}Z"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
