"""How a program ended, in words, and what that means for its run."""

import signal
from collections.abc import Collection, Mapping
from typing import Final

from core.processes.orders import Exit

SIGNALS: Final[Mapping[int, str]] = {
    signal.SIGKILL: "perhaps it was out of memory, or somebody killed it",
    signal.SIGXCPU: "it used all the seconds of computing that it may",
    signal.SIGXFSZ: "a file became larger than it may",
    signal.SIGSEGV: "it has a mistake, or it was out of memory",
    signal.SIGABRT: "it gave up, perhaps out of memory",
    signal.SIGBUS: "it has a mistake, or a disk was in trouble",
    signal.SIGPIPE: "what it wrote to was closed",
    signal.SIGTERM: "somebody asked it to end",
    signal.SIGINT: "somebody asked it to end",
}

KNOWN_CODES: Final[Mapping[int, str]] = {
    126: "a program could not be executed",
    127: "a program was not found",
    137: "a program in it was killed, perhaps out of memory",
    139: "a program in it made a mistake with memory",
    143: "a program in it was asked to end",
}
"""What shells end with when it was not the script that said so."""


def how(ending: Exit) -> str:
    """Return how the program ended: "ended with exit code 23", "ended by signal 9 (KILL), perhaps ..."."""
    if ending.signal is not None:
        name = _name_of(ending.signal)
        known = SIGNALS.get(ending.signal)
        return f"ended by signal {ending.signal} ({name}){f': {known}' if known else ''}"
    return f"ended with exit code {ending.code}"


def meaning(code: int | None) -> str:
    """Return what an exit code says by custom; empty where that is nothing."""
    words = KNOWN_CODES.get(code or 0)
    return f" By custom this code says that {words}." if words else ""


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return "?"


def problem_of_codes(codes: Mapping[str, Collection[int]]) -> dict[str, str]:
    """Return, for each list of codes that shares one with a list before it, which one that is."""
    taken: dict[int, str] = {}
    problems: dict[str, str] = {}
    for name, list_ in codes.items():
        for code in list_:
            if taken.setdefault(code, name) != name:
                problems[name] = f"{code} cannot be here and among {taken[code].replace('_', ' ')} too."
    return problems
