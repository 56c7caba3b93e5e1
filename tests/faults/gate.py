"""A gate between a child and the system: it sees each call that changes the disk before it happens.

The kernel stops the child at each such call (seccomp, user notification) and asks us. So a child can be
killed between any two calls, or told that one failed, whatever made the call. Needs neither a
compiler, nor rights, nor another program.
"""

import ctypes
import errno
import fcntl
import functools
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.faults.calls import (
    ARCHITECTURE,
    CREATING,
    MACHINE,
    NAME_OF,
    NUMBER_OF,
    OPENING,
    SECCOMP,
    Caller,
    Kind,
)
from tests.faults.children import Child
from tests.faults.inside import guarded_inside, write_a_part
from tests.faults.verdicts import PASS, Plan, Verdict

NO_NEW_PRIVILEGES: Final = 38
SET_FILTER, WITH_LISTENER = 1, 1 << 3
RECEIVE, ANSWER = 0xC0502100, 0xC0182101
LET_GO_ON: Final = 1
ASK, ALLOW = 0x7FC00000, 0x7FFF0000
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16
WITHOUT_A_GATE: Final = "FAULTS_WITHOUT_A_GATE"
"""A variable that, when it is set, lets the stand-in be tried on a machine that needs none."""

LONGEST: Final = 120.0
"""Seconds after which a child is taken for hung."""


def guarded(work: Callable[[], None], folder: Path, told: Path, plan: Plan) -> int:
    """Do the work in a child whose calls in `folder` the plan decides on; return how it ended."""
    if inside_only():
        return guarded_inside(work, folder, told, plan)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = Child(lambda: _behind_the_gate(work, theirs))
        theirs.close()
        with child:
            _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
            if not descriptors:
                return child.wait()
            try:
                _Gate(descriptors[0], child, folder, told, plan).keep()
            finally:
                os.close(descriptors[0])
            return child.wait()


@functools.cache
def inside_only() -> str:
    """Return why no gate can be had on this machine; empty when one can."""
    if WITHOUT_A_GATE in os.environ:
        return f"{WITHOUT_A_GATE} says so"
    if MACHINE not in SECCOMP:
        return f"the calls of a machine of type {MACHINE} are not known here"
    ours, theirs = socket.socketpair()
    with ours, theirs, Child(lambda: _behind_the_gate(lambda: None, theirs), quiet=True) as child:
        theirs.close()
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
        for descriptor in descriptors:
            os.close(descriptor)
        child.wait()
    return "" if descriptors else "its kernel does not let one process decide on another's calls"


class _Gate:
    def __init__(self, listener: int, child: Child, folder: Path, told: Path, plan: Plan) -> None:
        self._listener = listener
        self._child = child
        self._within = f"{folder}/"
        self._folder = str(folder)
        self._told = str(told)
        self._plan = plan

    def keep(self) -> None:
        """Decide on one call after the other until the child has ended."""
        until = time.monotonic() + LONGEST
        waiting = select.poll()
        waiting.register(self._listener, select.POLLIN)
        while time.monotonic() < until:
            for _, events in waiting.poll(1_000):
                if events & select.POLLIN:
                    self._one()
                elif events & select.POLLHUP:
                    return
        self._child.kill()
        message = f"A child did not end in {LONGEST:.0f} seconds."
        raise TimeoutError(message)

    def _one(self) -> None:
        asked = bytearray(80)
        try:
            fcntl.ioctl(self._listener, RECEIVE, asked)
        except OSError as error:
            if error.errno == errno.ENOENT:  # it was killed meanwhile
                return
            raise
        ticket, thread, _, number, _, _, *arguments = struct.unpack("=QIIiIQ6Q", asked)
        try:
            verdict, size = self._verdict(Caller(thread), NAME_OF[number], tuple(arguments))
        except (FileNotFoundError, ProcessLookupError):  # the same
            verdict, size = PASS, 0
        self._answer(ticket, verdict, size)

    def _verdict(self, caller: Caller, name: str, arguments: tuple[int, ...]) -> tuple[Verdict, int]:
        call = caller.call(name, arguments)
        if call is None:
            return PASS, 0
        if call.path == self._told:
            if call.kind == Kind.WRITE:
                self._plan.told(call.data)
            return PASS, 0
        if not any(
            path.startswith(self._within) or path == self._folder for path in (call.path, call.second)
        ):
            return PASS, 0
        verdict = self._plan.decide(call)
        if verdict.written:
            write_a_part(call, verdict.written)
        return verdict, len(call.data)

    def _answer(self, ticket: int, verdict: Verdict, size: int) -> None:
        if verdict.kill:
            self._child.kill()
            return
        if verdict.pretend:
            answer = struct.pack("=QqiI", ticket, size, 0, 0)
        else:
            answer = struct.pack("=QqiI", ticket, 0, -verdict.error, 0 if verdict.error else LET_GO_ON)
        try:
            fcntl.ioctl(self._listener, ANSWER, bytearray(answer))
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise


def _behind_the_gate(work: Callable[[], None], hand_over: socket.socket) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    text = _filter()
    program = _Program(len(text) // 8, text)
    listener = library.syscall(SECCOMP[MACHINE], SET_FILTER, WITH_LISTENER, ctypes.byref(program))
    if listener < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    socket.send_fds(hand_over, [b"!"], [listener])
    os.close(listener)
    hand_over.close()
    work()


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _filter() -> bytes:
    """Return the kernel's program: ask about what writes, allow the rest."""
    steps = [_step(LOAD, ARCHITECTURE_AT), _step(EQUAL, ARCHITECTURE[MACHINE], 1, 0), _step(RETURN, ALLOW)]
    steps.append(_step(LOAD, NUMBER_AT))
    for name, number in NUMBER_OF.items():
        if name in OPENING:
            steps += [
                _step(EQUAL, number, 0, 4),
                _step(LOAD, ARGUMENTS_AT + 8 * OPENING[name]),
                _step(ANY_BIT, CREATING, 0, 1),
                _step(RETURN, ASK),
                _step(RETURN, ALLOW),
            ]
        else:
            steps += [_step(EQUAL, number, 0, 1), _step(RETURN, ASK)]
    steps.append(_step(RETURN, ALLOW))
    return b"".join(steps)


def _step(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_so, if_not, value)
