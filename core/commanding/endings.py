"""How a program ended, in words, and what that means for its run."""

import signal
from collections.abc import Collection, Mapping
from typing import Any, Final

from core.commanding.leavings import Gathered
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


def result_of(ending: Exit, answer: Mapping[str, Any] | None, kept: Gathered) -> dict[str, Any]:
    """Return what a run has to show of a program that ended: its code, what it used, its answer, its files."""
    result: dict[str, Any] = {
        "exit_code": ending.code,
        "lines": ending.lines,
        "said_bytes": ending.bytes,
        "cpu_seconds": ending.cpu_seconds,
        "peak_memory_bytes": ending.peak_memory_bytes,
    }
    if ending.signal is not None:
        result["signal"] = ending.signal
    if answer is not None:
        result["answer"] = answer
        # What a run is compared by with the ones before it.
        result |= {name: answer[name] for name in ("bytes", "files") if type(answer.get(name)) is int}
    if kept.files:
        result["kept"] = [
            {"name": file.name, "bytes": file.bytes, "blake3": file.blake3} for file in kept.files
        ]
    return result


def what_was_odd(ending: Exit) -> list[str]:
    """Return in sentences what a program left behind that had to be ended."""
    found = []
    if ending.left_behind:
        noun = "program" if ending.left_behind == 1 else "programs"
        found.append(f"It left {ending.left_behind} {noun} at work when it ended; they were ended too.")
    if ending.stubborn:
        found.append(f"{ending.stubborn} processes it started could not be ended.")
    return found
