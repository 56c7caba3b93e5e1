"""Becomes restic: notes first which process that is, and takes into its environment what only stands in files.

Run by path, `python -I -S restic_starting.py NOTE [NAME=FILE ...] -- PROGRAM ARGUMENT...`, standard library only. NOTE is
where to write {"pid", "started", "boot", "host"}, so that a lock of a repository can be known as ours after a crash;
"-" writes none. The process stays the same one.
"""

import json
import os
import socket
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))  # noqa: PTH100, PTH120

from core.processes.descent import boot_id, known

CANNOT_START = 127


def main(arguments: list[str]) -> int:
    """Become the program; returns only where that cannot be."""
    end = arguments.index("--")
    note, pairs, program = arguments[0], arguments[1:end], arguments[end + 1 :]
    try:
        environment = dict(os.environ)
        for name, _, path in (pair.partition("=") for pair in pairs):
            with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs 5 ms
                environment[name] = file.read().strip("\r\n")
        if note != "-":
            _write(note)
        os.execvpe(program[0], program, environment)  # noqa: S606 - there is no shell
    except (OSError, ValueError) as error:
        os.write(2, f"{program[0]} cannot be started: {error}\n".encode(errors="replace"))
    return CANNOT_START


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
