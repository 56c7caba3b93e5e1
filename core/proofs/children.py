"""A program that reads the destination back for us: a child in our own process group, whose output is taken as it comes."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from core.copying.troubles import in_words
from core.processes.orders import MARK
from core.proofs.readers import CannotRead

LONGEST_LINE: Final = 1 << 20
READ_SIZE: Final = 1 << 16


@contextmanager
def reading(
    argv: Sequence[str], environment: Mapping[str, str], good: Sequence[int] = (0,)
) -> Iterator[IO[bytes]]:
    """Run a program and give what it writes; raises CannotRead unless it could be started and ended well.

    All it writes was taken before it is judged. It carries our mark, so that nothing of it outlives the run.
    """
    marked = {**environment, **({MARK: os.environ[MARK]} if MARK in os.environ else {})}
    name = Path(argv[0]).name
    try:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=marked, cwd="/")
    except (OSError, ValueError) as error:
        why = in_words(error) if isinstance(error, OSError) else "a name has a zero byte"
        message = f"{name}, which reads the destination back, could not be started: {why}."
        raise CannotRead(message) from error
    assert child.stdout is not None  # noqa: S101 - we asked for the pipe
    try:
        yield child.stdout
        while child.stdout.read(READ_SIZE):
            pass
    except BaseException:
        child.kill()
        raise
    finally:
        child.stdout.close()
        code = child.wait()
    if code not in good:
        message = f"{name} {_how(code)} while it read the destination back."
        raise CannotRead(message)


def lines_of(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines without their ends. Raises CannotRead where one has no end."""
    while line := stream.readline(LONGEST_LINE):
        if not line.endswith(b"\n"):
            message = "What the program says of the destination breaks off, or has a line without an end."
            raise CannotRead(message)
        yield line[:-1]


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
