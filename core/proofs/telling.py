"""What the program that proves and its parent have between them; how far it is takes a line of JSON, at most twice a second."""

import sys
import threading
import time
from typing import BinaryIO, Final, Literal

import msgspec

from core.models import Value

WISHES: Final = "wishes.json"
OUTCOME: Final = "outcome.json"
"""The files by which it is told what to prove, and tells what it found."""
CANNOT: Final = 3
"""With this it ends if it could not read; it has said why."""
EVERY: Final = 0.5


class Word(Value, frozen=True, kw_only=True, omit_defaults=True):
    """How far a proof is: files and bytes found while it looks around, bytes read of `total` after that."""

    step: Literal["survey", "read"]
    files: int = 0
    done: int = 0
    total: int = 0


class Teller:
    """Tells how far it is."""

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self._stream = sys.stdout.buffer if stream is None else stream
        self._next = 0.0
        self._lock = threading.Lock()
        self.total = 0
        self._done = 0
        self._files = 0

    def surveyed(self, files: int, size: int) -> None:
        """Say what was found so far."""
        if time.monotonic() >= self._next:
            self._say(Word(step="survey", files=files, done=size))

    def begin(self, total: int) -> None:
        """Say how many bytes there are to read in all."""
        self.total = total
        self._next = 0.0
        self.read(0)

    def read(self, size: int, files: int = 0) -> None:
        """Count bytes that were read, and files that are done with."""
        with self._lock:
            self._done += size
            self._files += files
            if time.monotonic() >= self._next:
                self._say(Word(step="read", files=self._files, done=self._done, total=self.total))

    def _say(self, word: Word) -> None:
        self._next = time.monotonic() + EVERY
        self._stream.write(msgspec.json.encode(word) + b"\n")
        self._stream.flush()
