"""What the gate decides: to kill at a certain call, to let calls fail, to write all of them down."""

import os
from collections.abc import Callable

from tests.faults.calls import Call, Kind
from tests.faults.telling import Told, whole_lines
from tests.faults.verdicts import KILL, PASS, Verdict

ARMED, DISARMED = "armed", "disarmed"


class Heard:
    """Hears what is told while it decides; counts calls from the moment the child says it is armed."""

    def __init__(self) -> None:
        self.lines: list[Told] = []
        self.calls: list[Call] = []
        self.armed = False

    def told(self, line: bytes) -> None:
        """Take note of what the child told."""
        for said in whole_lines(line):
            self.lines.append(said)
            if ARMED in said:
                self.armed = bool(said[ARMED])

    def decide(self, call: Call) -> Verdict:
        """Let everything pass but what `judge` says, while armed."""
        if not self.armed:
            return PASS
        self.calls.append(call)
        return self.judge(call, len(self.calls))

    def judge(self, call: Call, number: int) -> Verdict:
        """Return what becomes of the call, the so-manieth while armed."""
        return PASS


class KillAt(Heard):
    """Kills before call `number`; where it writes and `torn` says so, after a half of it."""

    def __init__(self, number: int, *, torn: bool = False) -> None:
        super().__init__()
        self._number = number
        self._torn = torn
        self.struck: Call | None = None

    def judge(self, call: Call, number: int) -> Verdict:
        """Kill at the one."""
        if number != self._number:
            return PASS
        self.struck = call
        half = len(call.data) // 2 if self._torn and call.kind == Kind.WRITE else 0
        return Verdict(kill=True, written=half) if half else KILL


class FailAt(Heard):
    """Answers call `number` with an error, and with `again` all such that follow while armed."""

    def __init__(self, number: int, error: int, *, again: bool, concerns: Callable[[Call], bool]) -> None:
        super().__init__()
        self._number = number
        self._error = error
        self._again = again
        self._concerns = concerns
        self._count = 0
        self.struck: Call | None = None

    def judge(self, call: Call, number: int) -> Verdict:
        """Fail at the one, or from it on."""
        if not self._concerns(call):
            return PASS
        self._count += 1
        if self._count == self._number or (self._again and self._count > self._number):
            self.struck = self.struck or call
            return Verdict(error=self._error)
        return PASS


class LoseAt(FailAt):
    """Fails like this, and what was written since the last flush that succeeded becomes zeros.

    So does a system whose page cache gives up what it could not write: who only flushes again is told that all
    is well, and the disk has nothing.
    """

    def __init__(self, number: int, error: int, *, again: bool) -> None:
        super().__init__(number, error, again=again, concerns=lambda call: call.kind == Kind.SYNC)
        self._written: dict[str, list[tuple[int, int]]] = {}

    def judge(self, call: Call, number: int) -> Verdict:
        """Fail at the one, or from it on."""
        if call.kind == Kind.WRITE:
            self._written.setdefault(call.path, []).append((call.offset, len(call.data)))
        verdict = super().judge(call, number)
        if call.kind == Kind.SYNC:
            for path in tuple(self._written) if call.is_of_everything else [call.path]:
                for offset, length in self._written.pop(path, []):
                    if verdict.error:
                        _zero(path, offset, length)
        return verdict


def _zero(path: str, offset: int, length: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # it is gone
        return
    try:
        os.pwrite(descriptor, bytes(length), offset)
    finally:
        os.close(descriptor)
