"""What a child tells of its work while it works: each wish before it is made, each answer after it came.

The lines go to a file, by a call each; what was told stays when the teller is killed.
"""

import itertools
import json
import os
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from core.errors import HoldfastError
from core.storage.documents import builtin

Answer = TypeVar("Answer")
Told = dict[str, Any]

to_json = msgspec.json.Encoder(enc_hook=builtin, order="deterministic").encode


def plain(value: object) -> Any:
    """Return a frozen value as JSON has it, to compare."""
    return json.loads(to_json(value))


class Teller:
    """Tells into a file, from any thread."""

    def __init__(self, told: Path, name: str = "") -> None:
        self._descriptor = os.open(told, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._write = os.write
        self._name = f"{name}{os.getpid()}"
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def tell(self, **what: object) -> None:
        """Tell one thing."""
        line = to_json(what) + b"\n"
        with self._lock:
            self._write(self._descriptor, line)

    def ask(self, verb: str, command: Callable[[], Answer], **of: object) -> Answer | None:
        """Give a command and tell of it, before and after; None when it was refused.

        An error that is none of ours is told too: a command must not fail in other than plain words.
        """
        number = f"{self._name}-{next(self._numbers)}"
        self.tell(ask=number, verb=verb, **of)
        try:
            answer = command()
        except HoldfastError as error:
            self.tell(no=number, code=error.code, words=str(error))
            return None
        except Exception as error:  # noqa: BLE001 - whatever it was must be told, as the rest goes on
            self.tell(no=number, code="", words=repr(error), trace=traceback.format_exc())
            return None
        self.tell(yes=number, answer=answer)
        return answer


def lines_of(told: Path) -> Iterator[Told]:
    """Give what was told, in order; a line that was being written when its teller died is none."""
    if told.exists():
        yield from whole_lines(told.read_bytes())


def whole_lines(text: bytes) -> Iterator[Told]:
    """Give what the whole ones among the lines say."""
    for line in text.split(b"\n")[:-1]:
        yield json.loads(line)
