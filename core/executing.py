"""Carries one program through for an attempt: starts it or takes it up, hands its lines on, obeys, says how it ended."""

import contextlib
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from core.clock import Clock
from core.colours import PLAIN, Pen, plain, tidied
from core.errors import EngineFailed
from core.log_files import one_line
from core.logs import RunLogs, Said
from core.processes.orders import Exit, Hide, OnLatest, OnLine, Order, Stream
from core.processes.program import Program, Standing
from core.processes.reading import Line, OutputReader
from core.work import Asked, LeftAtWork, ProgramLost, RunStopped

log = logging.getLogger(__name__)

SHORTEST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 0.2
BREATH: Final = 0.005
"""Seconds between two looks at a program: when it has said something, when it is quiet, when it has said a lot."""

STUBBORN_AFTER: Final = 15.0
"""Seconds beyond the grace after which a supervisor that was asked to end its program is ended itself."""

LET_GO_WITHIN: Final = 5.0
GLANCE_EVERY: Final = 1.0
LOOK_AGAIN_AFTER: Final = 0.5
TAKEN: Final = "%015d %015d\n"

Wish = Callable[[], Asked | None]


class ListenerFailed(Exception):
    """Whoever was told a line failed in a way that nobody foresaw."""


class Listener(Protocol):
    """Whoever hears what a program says."""

    def begin(self) -> None:
        """Note that it is about to begin."""
        ...

    def tell(self, lines: list[Line]) -> None:
        """Hear lines."""
        ...

    def glance(self, lines: list[Line]) -> None:
        """Look at the latest lines of a program that says more than is kept."""
        ...

    def say(self, level: str, message: str) -> None:
        """Take a line of ours in among them."""
        ...


class Transcript:
    """Tells an engine what its program says, and writes each line to the run's log once, over restarts too.

    After every few lines `taken` in the program's folder says how many are in the log, and how long the log was
    then. What an earlier server wrote after that is found in the log itself: the same line always gives the same
    bytes. `replaying` is that the log has what is being told at present.
    """

    def __init__(  # its collaborators, and who is told
        self,
        logs: RunLogs,
        clock: Clock,
        run_id: str,
        folder: Path,
        on_line: OnLine | None,
        hide: Hide | None = None,
        on_latest: OnLatest | None = None,
    ) -> None:
        self._logs = logs
        self._clock = clock
        self._run_id = run_id
        self._path = folder / "taken"
        self._on_line = on_line
        self._on_latest = on_latest
        self._hide = hide
        self._pens: dict[Stream, Pen] = {}
        self._told = 0
        self._taken, size = self._last_taken()
        self._there = [] if size is None else logs.written_after(run_id, size)
        self._waiting: list[Said] = []
        self.replaying = self._taken > 0

    def begin(self) -> None:
        """Note where the log stands before the program says anything."""
        if not self._taken:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._note(self._logs.settle(self._run_id))

    def tell(self, lines: list[Line]) -> None:
        """Hand lines on."""
        for line in lines:
            self._tell_one(line)
        if self._waiting:
            self._logs.write_all(self._run_id, self._waiting)
            self._waiting = []
        if self._told > self._taken:
            self._taken = self._told
            with contextlib.suppress(OSError):  # the log itself tells what is in it, then
                self._note(self._logs.settle(self._run_id))

    def glance(self, lines: list[Line]) -> None:
        """Show them to whoever wants to know where the program is now, the newest first."""
        for line in reversed(lines):
            if self._on_latest is None or self._on_latest(line.stream, self._hidden(plain(line.text))):
                return

    def say(self, level: str, message: str) -> None:
        """Write a line of the engine's own among those of the program."""
        if not self.replaying:
            self._waiting.append((self._clock.now(), level, message))

    def _tell_one(self, line: Line) -> None:
        text, painted = self._as_shown(line)
        said = (line.at, "warn" if line.note else line.stream, painted)
        self._told += 1
        self.replaying = self._told <= self._taken or self._is_there(said)
        wanted = True
        if self._on_line is not None and not line.note:
            wanted = self._heard(self._on_line, line.stream, text)
        if wanted and not line.passing and not self.replaying:
            self._there = []  # lines come to the log in order: what follows is not there either
            self._waiting.append(said)
        self.replaying = False

    @staticmethod
    def _heard(on_line: OnLine, stream: Stream, text: str) -> bool:
        """Tell whether whoever listens wants the line in the log."""
        try:
            return on_line(stream, text) is not False
        except OSError as error:  # it is none of the program, nor of what keeps it
            raise ListenerFailed from error

    def _as_shown(self, line: Line) -> tuple[str, str]:
        """Return the line without what nobody may read: as plain text, and with harmless colours."""
        painted, self._pens[line.stream] = tidied(line.text, self._pens.get(line.stream, PLAIN))
        text = plain(painted)
        hidden = self._hidden(text)
        return (text, painted) if hidden == text else (hidden, hidden)

    def _hidden(self, text: str) -> str:
        return text if self._hide is None else self._hide(text)

    def _is_there(self, said: Said) -> bool:
        """Tell whether an earlier server wrote this line after it last said how far it was."""
        if not self._there:
            return False
        try:
            place = self._there.index(one_line(*said))
        except ValueError:
            return False
        del self._there[: place + 1]
        return True

    def _last_taken(self) -> tuple[int, int | None]:
        try:
            lines, size = self._path.read_text("ascii").split()
            return int(lines), int(size)
        except (FileNotFoundError, ValueError):
            return 0, None

    def _note(self, size: int) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.pwrite(file, (TAKEN % (self._taken, size)).encode(), 0)
        finally:
            os.close(file)


class _Look(NamedTuple):
    """What was seen of a program: how it stands, what is new of what it says, and when it is over how it ended."""

    standing: Standing
    lines: list[Line]
    over: bool = False
    ending: Exit | None = None


class Follower:
    """Follows one program to its end, whoever started it."""

    def __init__(self, program: Program, order: Order, listener: Listener, wish: Wish) -> None:
        self._program = program
        self._order = order
        self._listener = listener
        self._wish = wish
        self._reader = OutputReader(program.folder)
        self._stopping: Asked | None = None
        self._give_up_at = float("inf")
        self._glance_at = 0.0
        self._blind = False

    def follow(self) -> Exit:
        """Return how it ended; raises what `RunContext.execute` does."""
        if self._program.standing() is Standing.NEVER_BEGAN:
            self._start()
        try:
            return self._until_it_ends()
        except LeftAtWork:
            raise
        except BaseException:  # whoever listened failed: nobody would follow the program any more
            self._abandon()
            raise

    def _until_it_ends(self) -> Exit:
        pause = SHORTEST_PAUSE
        while True:
            look = self._look()
            if look is not None:
                self._listener.tell(look.lines)
                if look.over:
                    return self._settle(look)
                self._glance()
            self._obey()
            pause = BREATH if look and look.lines else min(pause + SHORTEST_PAUSE, LONGEST_PAUSE)
            self._pause(pause)

    def _look(self) -> "_Look | None":
        """Return how it stands and what it says; None when nobody can look, as without another handle to open."""
        try:
            standing = self._program.standing()  # before reading: all that was said until then is there
            lines = self._reader.read()
            if lines or standing is Standing.AT_WORK:
                look = _Look(standing, lines)
            else:
                ending = self._program.ending()
                rest = [] if standing is Standing.NEVER_BEGAN else self._reader.rest(ending)
                look = _Look(standing, rest, over=True, ending=ending)
        except OSError as error:  # the program itself goes on: that is no reason to end it
            if not self._blind:
                log.warning("the program in %s cannot be looked at: %s", self._program.folder, error)
            self._blind = True
            return None
        self._blind = False
        return look

    def _glance(self) -> None:
        now = time.monotonic()
        if now >= self._glance_at:
            self._glance_at = now + GLANCE_EVERY
            with contextlib.suppress(OSError):
                self._listener.glance(self._reader.latest())

    def _pause(self, seconds: float) -> None:
        if self._blind:
            time.sleep(LOOK_AGAIN_AFTER)
            return
        with contextlib.suppress(OSError):
            self._program.wait(seconds)

    def _start(self) -> None:
        if (asked := self._wish()) is not None:
            raise RunStopped(asked)
        self._listener.begin()
        self._program.start(self._order)

    def _obey(self) -> None:
        """End the program when that is asked for; what is asked first counts."""
        now = time.monotonic()
        if self._stopping is None and (asked := self._wish()) is not None:
            self._stopping = asked
            self._give_up_at = now + self._order.grace + STUBBORN_AFTER
            self._program.end()
        if now >= self._give_up_at:
            with contextlib.suppress(OSError):  # it is given up again soon
                self._program.give_up()

    def _abandon(self) -> None:
        """End a program that nobody listens to, and see that it has ended."""
        until = time.monotonic() + self._order.grace + STUBBORN_AFTER
        self._program.end()
        while self._program.standing() is Standing.AT_WORK:
            if time.monotonic() >= until:
                self._program.give_up()
            self._program.wait(LONGEST_PAUSE)

    def _settle(self, look: "_Look") -> Exit:
        if look.ending is None and self._program.has_vanished:
            self._end_what_has_no_folder()
            raise RunStopped(self._stopping) if self._stopping else ProgramLost
        if look.standing is Standing.NEVER_BEGAN:
            message = "The program could not be started: what was to keep it could not be written."
            raise EngineFailed(message, hint="Look at the disk that holds Holdfast's data.", transient=True)
        if look.ending is None:
            self._end_what_is_lost()
            raise RunStopped(self._stopping) if self._stopping else ProgramLost
        self._program.wait(LET_GO_WITHIN)
        return self._judged(look.ending)

    def _end_what_has_no_folder(self) -> None:
        """End a program whose folder somebody removed: it is at work, and can say nothing any more."""
        until = time.monotonic() + self._order.grace + STUBBORN_AFTER
        self._program.end()
        while self._program.is_kept and time.monotonic() < until:
            self._program.wait(LONGEST_PAUSE)
        self._program.give_up()
        self._say("The run's folder was removed while its program was at work; that was ended.")

    def _say(self, words: str) -> None:
        self._listener.say("warn", words)
        self._listener.tell([])  # with it goes what waits

    def _end_what_is_lost(self) -> None:
        swept = self._program.sweep(grace=self._order.grace)
        if swept.ended:
            noun = "process" if swept.ended == 1 else "processes"
            self._say(f"Of a lost program {swept.ended} {noun} had to be ended.")

    def _judged(self, ending: Exit) -> Exit:
        match ending.reason:
            case "not-started":
                raise EngineFailed(ending.message, hint="Correct what the job says, then start it again.")
            case "timeout":
                raise RunStopped("timeout")
            case "request":
                raise RunStopped(self._stopping or self._wish() or "leave")
            case "ended":
                return ending
