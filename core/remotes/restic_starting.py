"""Starts restic: notes which process that is, takes what only stands in files into its environment, ends it in order.

Run by path, `python -I -S restic_starting.py NOTE [NAME=FILE ...] -- PROGRAM ARGUMENT...`, standard library only. NOTE is
where to write {"pid", "started", "boot", "host"}, so that a lock of a repository can be known as ours after a crash.
restic 0.14 dies of TERM with its lock left behind, but tidies up after INT: it is shielded from TERM, and what we are
told by TERM we tell it by INT. With "-" for NOTE this process becomes restic itself.
"""

import json
import os
import signal
import socket
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))  # noqa: PTH100, PTH120

from core.processes.descent import boot_id, known

CANNOT_START = 127


def main(arguments: list[str]) -> int:
    """Start the program and end as it does."""
    end = arguments.index("--")
    note, pairs, program = arguments[0], arguments[1:end], arguments[end + 1 :]
    if note == "-":
        return _become(program, pairs)
    with_term = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    child = os.fork()
    if child == 0:
        os._exit(_become(program, pairs, note))
    signal.signal(signal.SIGTERM, lambda *_: _interrupt(child))
    signal.pthread_sigmask(signal.SIG_SETMASK, with_term)
    _, status = os.waitpid(child, 0)
    return _end_like(os.waitstatus_to_exitcode(status))


def _become(program: list[str], pairs: list[str], note: str = "") -> int:
    """Become the program; returns only where that cannot be."""
    try:
        if note:
            _write(note)
        environment = dict(os.environ)
        for name, _, path in (pair.partition("=") for pair in pairs):
            with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs 5 ms
                environment[name] = file.read().strip("\r\n")
        os.execvpe(program[0], program, environment)  # noqa: S606 - there is no shell
    except (OSError, ValueError) as error:
        os.write(2, f"{program[0]} cannot be started: {error}\n".encode(errors="replace"))
    return CANNOT_START


def _interrupt(child: int) -> None:
    """Tell the program to tidy up and end; it is our child, so its number is nobody else's."""
    os.kill(child, signal.SIGINT)


def _end_like(code: int) -> int:
    """Return the code to end with; where a signal ended the program, the same one ends us."""
    if code >= 0:
        return code
    if -code != signal.SIGKILL:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
    return 128 - code


def _write(path: str) -> None:
    """Write down who this is, whole or not at all; what stood there before is replaced."""
    myself = known(os.getpid())
    who = {
        "pid": os.getpid(),
        "started": myself.started if myself else 0,
        "boot": boot_id(),
        "host": socket.gethostname(),
    }
    with open(f"{path}.new", "w", encoding="utf-8") as file:  # noqa: PTH123 - as above
        json.dump(who, file)
    os.replace(f"{path}.new", path)  # noqa: PTH105 - as above


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
