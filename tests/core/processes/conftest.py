"""Programs that run for real, each under its supervisor."""

import contextlib
import os
import signal
import time
from typing import Any

import pytest

from core.executing import Follower, Transcript
from core.processes.descent import ZOMBIE, bearers, known
from core.processes.orders import Order
from core.processes.program import Program

PATH = "/usr/local/bin:/usr/bin:/bin"
PATIENCE = 30.0


def an_order(*argv, **fields):
    """Return an order of these words, in an environment where programs are found."""
    defaults: dict[str, Any] = {"argv": argv, "environment": {"PATH": PATH}, "grace": 0.5}
    return Order(**defaults | fields)


def a_script(script, **fields):
    """Return an order that runs a script."""
    return an_order("sh", "-c", script, **fields)


def until(holds):
    """Wait until something holds."""
    ends_at = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < ends_at, "it did not come about"
        time.sleep(0.01)
    return found


def marked(program):
    """Return the numbers of the living processes that bear a program's mark."""
    return {process.pid for process in bearers(program._mark.encode())}


def alive(pid):
    """Tell whether there is such a process, and it is more than a name nobody has taken leave of."""
    process = known(int(pid))
    return process is not None and process.state != ZOMBIE


@pytest.fixture
def make_program(tmp_path):
    """Make programs, and end whatever a test leaves of them."""
    made = []

    def make(name="program", mark=None):
        made.append(Program(tmp_path / name, mark or f"{tmp_path.name}-{name}:1"))
        return made[-1]

    yield make
    for program in made:
        program.end()
        program.sweep(grace=0.0)
        program.wait(PATIENCE)
        identity = program._identity()
        if identity is not None:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(identity.pid, 0)


@pytest.fixture
def program(make_program):
    return make_program()


@pytest.fixture
def follow(logs, clock):
    """Follow a program to its end with the log of run "run-1"; returns how it ended and every line that was told."""

    def follow(program, order, wish=lambda: None, on_line=None, on_latest=None):
        told = []

        def hear(stream, text):
            told.append((stream, text))
            return None if on_line is None else on_line(stream, text)

        transcript = Transcript(logs, clock, "run-1", program.folder, hear, on_latest=on_latest)
        return Follower(program, order, transcript, wish).follow(), told

    return follow


@pytest.fixture
def killed():
    """Kill the supervisor of a program where it stands, and see it gone."""

    def kill(program):
        identity = until(program._identity)
        os.kill(identity.pid, signal.SIGKILL)
        os.waitpid(identity.pid, 0)
        program._child = 0

    return kill
