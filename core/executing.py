"""Carries one program through for an attempt: starts it or takes it up, hands its lines on, obeys, says how it ended."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from core.clock import Clock
from core.colours import PLAIN, Pen, plain, tidied
from core.engines.base import Asked, LeftAtWork, ProgramLost, RunStopped
from core.errors import EngineFailed
from core.log_files import one_line
from core.logs import RunLogs, Said
from core.processes.orders import Exit, Hide, OnLine, Order, Stream
from core.processes.program import Program, Standing
from core.processes.reading import Line, OutputReader

SHORTEST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 0.2
BREATH: Final = 0.005
"""Seconds between two looks at a program: when it has said something, when it is quiet, when it has said a lot."""

STUBBORN_AFTER: Final = 15.0
"""Seconds beyond the grace after which a supervisor that was asked to end its program is ended itself."""

LET_GO_WITHIN: Final = 5.0
TAKEN: Final = "%015d %015d\n"

Wish = Callable[[], Asked | None]


class Listener(Protocol):
    """Whoever hears what a program says."""

    def begin(self) -> None:
        """Note that it is about to begin."""
        ...

    def tell(self, lines: list[Line]) -> None:
        """Hear lines."""
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
    ) -> None:
        self._logs = logs
        self._clock = clock
        self._run_id = run_id
        self._path = folder / "taken"
        self._on_line = on_line
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
        if lines and self._told > self._taken:
            self._logs.write_all(self._run_id, self._waiting)
            self._waiting = []
            self._taken = self._told
            self._note(self._logs.settle(self._run_id))

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
            wanted = self._on_line(line.stream, text) is not False
        if wanted and not line.passing and not self.replaying:
            self._there = []  # lines come to the log in order: what follows is not there either
            self._waiting.append(said)
        self.replaying = False

    def _as_shown(self, line: Line) -> tuple[str, str]:
        """Return the line without what nobody may read: as plain text, and with harmless colours."""
        painted, self._pens[line.stream] = tidied(line.text, self._pens.get(line.stream, PLAIN))
        text = plain(painted)
        if self._hide is not None and (hidden := self._hide(text)) != text:
            return hidden, hidden
        return text, painted

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
            standing = self._program.standing()  # before reading: all that was said until then is there
            lines = self._reader.read()
            self._listener.tell(lines)
            if not lines and standing is not Standing.AT_WORK:
                return self._settle(standing)
            self._obey()
            pause = BREATH if lines else min(pause + SHORTEST_PAUSE, LONGEST_PAUSE)
            self._program.wait(pause)

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
            self._program.give_up()

    def _abandon(self) -> None:
        """End a program that nobody listens to, and see that it has ended."""
        until = time.monotonic() + self._order.grace + STUBBORN_AFTER
        self._program.end()
        while self._program.standing() is Standing.AT_WORK:
            if time.monotonic() >= until:
                self._program.give_up()
            self._program.wait(LONGEST_PAUSE)

    def _settle(self, standing: Standing) -> Exit:
        if standing is Standing.NEVER_BEGAN:
            message = "The program could not be started: what was to keep it could not be written."
            raise EngineFailed(message, hint="Look at the disk that holds Holdfast's data.", transient=True)
        ending = self._program.ending()
        self._listener.tell(self._reader.rest(ending))
        if ending is None:
            self._end_what_is_lost()
            raise RunStopped(self._stopping) if self._stopping else ProgramLost
        self._program.wait(LET_GO_WITHIN)
        return self._judged(ending)

    def _end_what_is_lost(self) -> None:
        swept = self._program.sweep(grace=self._order.grace)
        if swept.ended:
            self._listener.say("warn", f"{swept.ended} processes of a lost program were ended.")

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
