"""Reading a destination back, and saying what that proves."""

import os
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import to_builtins

from core.copying.troubles import in_words
from core.errors import EngineFailed, StorageFailed
from core.models import NOTHING, Progress
from core.packed import thawed
from core.processes.orders import Order
from core.processes.ours import argv_of
from core.proofs.telling import CANNOT, OUTCOME, WISHES, Word
from core.proofs.values import Proof, ProofWishes
from core.work import Copied, RunContext

PROGRAM: Final = "core.proofs.program"
NAME: Final = "proof"
STAGE: Final = "verify"
ENVIRONMENT: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}
LAST_WORDS: Final = 3


def prove(context: RunContext, wishes: ProofWishes) -> Proof:
    """Read the destination back; raises EngineFailed where it cannot be read, RunStopped when asked to stop.

    A program of the attempt does it, so that a restart of Holdfast takes it up and its answer is the same.
    """
    folder = context.workspace / NAME
    _lay_out(folder, wishes)
    order = Order(argv=argv_of(PROGRAM, str(folder)), folder="/", environment=ENVIRONMENT)
    listener = _Listener(context)
    ending = context.execute(order, listener.hear, name=NAME, on_latest=listener.glance)
    if ending.code != 0:
        raise _failure(listener.last_words, ending.code)
    try:
        return msgspec.json.decode((folder / OUTCOME).read_bytes(), type=Proof)
    except (OSError, msgspec.DecodeError) as error:
        message = "What the proof found cannot be read any more."
        raise EngineFailed(message, hint="Run the job again.", transient=True) from error


def _lay_out(folder: Path, wishes: ProofWishes) -> None:
    """Write what to prove; the same wishes give the same bytes, so whoever reads them meanwhile is not disturbed."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        unfinished = folder / "wishes.part"
        handle = os.open(
            unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(wishes))
        unfinished.replace(folder / WISHES)
    except OSError as error:
        message = f"What is to be proved cannot be kept: {in_words(error)}."
        raise StorageFailed(message) from error


def _failure(last_words: Sequence[str], code: int | None) -> EngineFailed:
    """Return the failure of a proof that did not come to its end; its own last line comes last, a program's before it."""
    hint = "The log has all that was said. Nothing was deleted."
    if code != CANNOT or not last_words:
        return EngineFailed("The proof ended before it was done.", hint=hint, transient=True)
    said = f" It said: {last_words[-2]}" if len(last_words) > 1 else ""
    return EngineFailed(f"{last_words[-1]}{said}", hint=hint, transient=True, code="not-read-back")


class _Listener:
    """Hears how far the proof is, and keeps what it said last in words."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._said: deque[str] = deque(maxlen=LAST_WORDS)
        self._began = time.monotonic()

    @property
    def last_words(self) -> Sequence[str]:
        return [*self._said]

    def hear(self, stream: str, line: str) -> bool | None:
        """Take a line; how far it is stays out of the log."""
        if stream == "err":
            self._said.append(line)
            return None
        return not self.glance(stream, line)

    def glance(self, stream: str, line: str) -> bool:
        """Report how far it is; tell whether the line says that."""
        if stream != "out":
            return False
        try:
            word = msgspec.json.decode(line, type=Word)
        except msgspec.DecodeError:
            return False
        self._context.report(_progress(word, time.monotonic() - self._began))
        return True


def _progress(word: Word, seconds: float) -> Progress:
    if word.step == "survey":
        return Progress(
            stage=STAGE, done=word.files, unit="files", message=f"{word.files:,} files found so far"
        )
    rate = word.done / seconds if seconds > 1 else None
    total = max(word.total, word.done)
    return Progress(
        stage=STAGE,
        percent=100 * word.done / total if total else None,
        done=word.done,
        total=total,
        rate=rate,
        eta_seconds=(total - word.done) / rate if rate else None,
        message=f"{word.files:,} files compared",
    )


def insist(proof: Proof, copied: Copied, cleared: Mapping[str, Any] = NOTHING) -> None:
    """Raise EngineFailed where the destination was found damaged, missing something, or could not be read.

    `cleared` is what was taken away from the source before that, where a job does so for each file by itself.
    """
    counts = proof.problems
    words = {
        "damaged": ("differs at the destination", "differ at the destination"),
        "missing": ("is missing there", "are missing there"),
        "unreadable": ("could not be read", "could not be read"),
    }
    said = [
        f"{_count(counts[sort])} {text[counts[sort] > 1]}" for sort, text in words.items() if counts.get(sort)
    ]
    if not said:
        return
    named = (*proof.damaged, *proof.missing, *proof.unreadable)
    message = f"The copy is not good: {', '.join(said)}. {'; '.join(named[:3])}."
    hint = "The result names more of them. Look at the disks on both sides, then run the job again."
    result = result_of(proof, copied) | ({"deletion": dict(cleared)} if cleared else {})
    raise EngineFailed(
        message,
        hint=hint if cleared.get("files") else f"{hint} Nothing was deleted.",
        result=result,
        warnings=(*copied.warnings, *proof.warnings, *cleared.get("warnings", ())),
    )


def result_of(proof: Proof, copied: Copied) -> dict[str, Any]:
    """Return what a run that copied and proved has to show, whatever was found."""
    verification: Mapping[str, Any] = to_builtins(proof, enc_hook=thawed)
    return {
        **copied.result,
        "files": proof.files,
        "bytes": proof.bytes,
        "copied": copied.files,
        "copied_bytes": copied.bytes,
        "removed": copied.removed,
        "verified": proof.verified,
        "verification": {
            name: value for name, value in verification.items() if name not in {"records", "warnings"}
        },
    }


def _count(number: int) -> str:
    return f"{number:,} {'file' if number == 1 else 'files'}"
