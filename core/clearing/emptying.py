"""The program that lets go of a quarantine for good: `main(own data, run)`.

Only a file that is still what was put there goes, and only if its copy can be read back once more and is the same.
"""

import os
import stat
import sys
from pathlib import Path

import msgspec

from core.clearing.digests import digest_of
from core.clearing.held import Held
from core.clearing.kernel import is_being_written, let_writers_wait
from core.clearing.names import split
from core.clearing.orders import MOST_NAMED, Handled, Kept
from core.clearing.receipts import Became, Moving
from core.clearing.removal import READ, Stays, check_copy
from core.clearing.sides import Stopped
from core.copying.names import shown
from core.copying.tree import Tree
from core.copying.troubles import in_words
from core.proofs.records import Record

SOME = 64


def main(arguments: list[str]) -> None:
    """Let go of what lies in quarantine, and say how that went."""
    let_writers_wait()
    sys.stdout.buffer.write(msgspec.json.encode(empty(Path(arguments[0]), arguments[1])))


def empty(own_data: Path, run_id: str) -> Handled:
    """Let go of what a run took away; what has no good copy stays and is named."""
    try:
        with Held(own_data, run_id) as held:
            if len(held.roots) < len(held.began.roots):
                return Handled(
                    trouble="The destination is not there, so nobody can see that it has the copies."
                )
            return _Emptying(held).run()
    except Stopped as stopped:
        return Handled(trouble=str(stopped))
    except OSError as error:
        return Handled(trouble=f"It could not be emptied: {in_words(error)}.")


class _Emptying:
    """One look at everything in quarantine, and the end of what is good elsewhere."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._copies = [Tree(root) for root in held.roots]
        self._files = self._bytes = self._kept_files = 0
        self._kept: list[Kept] = []
        self._became: list[Became] = []

    def run(self) -> Handled:
        """Let go of each file that may go."""
        for attempt in self._held.attempts:
            with self._held.shelf(attempt) as shelf:
                if shelf is not None:
                    self._all_of(shelf, attempt)
        self._note(durable=True)
        for tree in self._copies:
            tree.forget()
        left = not self._held.tidy()
        return Handled(
            files=self._files,
            bytes=self._bytes,
            kept=tuple(self._kept),
            kept_files=self._kept_files,
            left=left,
        )

    def _all_of(self, shelf: Tree, attempt: int) -> None:
        for moving in self._held.of_attempt(attempt, "aside"):
            try:
                self._one(shelf, moving)
            except Stays as stays:
                self._keep(moving, str(stays))
            except FileNotFoundError:
                self._became.append(self._held.missing(moving))
            except OSError as error:
                self._keep(moving, in_words(error))
            if len(self._became) >= SOME:
                self._note(durable=False)

    def _one(self, shelf: Tree, moving: Moving) -> None:
        folder, name = split(moving.name)
        private = shelf.folder(folder)
        handle = os.open(name, READ, dir_fd=private)
        try:
            info = os.fstat(handle)
            _check_same(info, moving)
            _check_content(handle, moving)
        finally:
            os.close(handle)
        for tree in self._copies:
            check_copy(tree, _record_of(moving, info.st_dev))
        os.unlink(name, dir_fd=private)
        self._files += 1
        self._bytes += moving.size
        self._became.append(Became(n=moving.n, state="gone"))

    def _keep(self, moving: Moving, why: str) -> None:
        self._kept_files += 1
        if len(self._kept) < MOST_NAMED:
            self._kept.append(Kept(path=shown(moving.name), why=why))

    def _note(self, *, durable: bool) -> None:
        self._held.receipts.add(self._became, durable=durable)
        self._became = []


def _check_same(info: os.stat_result, moving: Moving) -> None:
    """Raise Stays where the file is not what was put there, whatever the number of its disk is now."""
    now = (info.st_ino, info.st_size, info.st_mtime_ns)
    if not stat.S_ISREG(info.st_mode) or now != (moving.inode, moving.size, moving.mtime_ns):
        raise Stays("it changed while it lay in quarantine")


def _check_content(handle: int, moving: Moving) -> None:
    """Raise Stays where somebody writes to the file, or did and set its time back."""
    if is_being_written(handle):
        raise Stays("somebody has it open for writing")
    if digest_of(handle, moving.algorithm) != (bytes.fromhex(moving.digest), moving.size):
        raise Stays("it changed while it lay in quarantine")


def _record_of(moving: Moving, device: int) -> Record:
    """Return what was proved of a file, which lies on this device now."""
    return Record(
        path=moving.name,
        size=moving.size,
        mtime_ns=moving.mtime_ns,
        ctime_ns=0,
        inode=moving.inode,
        device=device,
        algorithm=moving.algorithm,
        digest=bytes.fromhex(moving.digest),
    )
