"""The program that takes away exactly what a preview lists: `main(order)`.

It may be killed at any moment: what it moved has a receipt, what has none is where it was.
"""

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from core.clearing import receipts as receipts_of
from core.clearing.kernel import let_writers_wait
from core.clearing.names import split
from core.clearing.orders import (
    MOST_NAMED,
    PREVIEW,
    Deletion,
    DeletionOrder,
    Far,
    Kept,
    read_value,
    write_value,
)
from core.clearing.previewing import digest_of_preview
from core.clearing.receipts import PLACE, Began, Emptied, Receipts, path_fields
from core.clearing.removal import OnStep, Removal, in_batches
from core.clearing.settling import settle
from core.clearing.shelves import Shelf, remove_empty
from core.clearing.sides import Sides, Stopped, quarantine_in
from core.copying.kernel import sync
from core.copying.names import shown
from core.copying.tree import Tree
from core.copying.troubles import FULL, in_words
from core.proofs.records import BadRecords, read_records

DONE: Final = "deletion.json"
Say = Callable[[Far | Kept], None]

BYTES_A_RECEIPT: Final = 700
"""More than the line of a file and the line of what became of it take, but for very long paths."""


def main(arguments: list[str]) -> None:
    """Do what an order says, and leave what was done beside it."""
    let_writers_wait()
    order = read_value(Path(arguments[0]), DeletionOrder)
    deletion = carry_out(order, say=_say)
    write_value(Path(order.folder) / DONE, deletion)


def carry_out(
    order: DeletionOrder,
    on_step: OnStep = lambda _step, _path: None,
    say: Say = lambda _said: None,
) -> Deletion:
    """Take away what the preview lists, and return what was done."""
    attempt = _Attempt(order, on_step, say)
    try:
        attempt.run()
    except (Stopped, BadRecords) as stopped:
        attempt.trouble = str(stopped)
    except BlockingIOError:
        attempt.trouble = "Files of this run are being put back or taken away at this moment."
    except OSError as error:
        attempt.trouble = _trouble(error)
    return attempt.done()


def _trouble(error: OSError) -> str:
    if error.errno in FULL:
        return "There is no room for the receipts, and nothing is taken away without one."
    return f"The deletion could not go on: {in_words(error)}."


class _Attempt:
    """One carrying out of an order."""

    def __init__(self, order: DeletionOrder, on_step: OnStep, say: Say) -> None:
        self._order = order
        self._terms = order.preview.terms
        self._on_step = on_step
        self._say = say
        self._removal: Removal | None = None
        self._folders = 0
        self._kept: list[Kept] = []
        self._receipt = ("", 0)
        self.trouble = ""

    def run(self) -> None:
        """Do all of it; raises Stopped, BadRecords or OSError where it cannot go on."""
        terms = self._terms
        self._check_preview()
        with contextlib.ExitStack() as stack:
            sides = Sides(
                Path(terms.source), [Path(root) for root in terms.roots], Path(self._order.own_data)
            )
            stack.callback(sides.close)
            self._check_sides(sides)
            self._check_room()
            quarantine = quarantine_in(sides.source, terms.run_id)
            stack.callback(os.close, quarantine)
            receipts = stack.enter_context(
                receipts_of.opened(Path(self._order.own_data), terms.run_id, sides.destinations)
            )
            settle(receipts, sides.source, quarantine)
            receipts.add([self._began(sides)], durable=True)
            shelf = Shelf(quarantine, self._order.attempt)
            stack.callback(shelf.close)
            self._take(sides, shelf, receipts)
            with contextlib.suppress(OSError):
                remove_empty(sides.source, terms.run_id)

    def _check_preview(self) -> None:
        preview = self._order.preview
        path = Path(self._order.folder) / PREVIEW
        if digest_of_preview(path, preview) != preview.digest:
            raise Stopped("The list of what was to go is not the one that was agreed to.")

    def _check_sides(self, sides: Sides) -> None:
        info = os.fstat(sides.source)
        if (info.st_dev, info.st_ino) != (self._order.preview.device, self._order.preview.inode):
            raise Stopped("The source is another folder or another disk than the one that was proved.")
        if self._order.mark:
            sides.mark(self._terms.job_id)
        if not sides.is_marked(self._terms.job_id):
            raise Stopped("A mark of this job is missing at the source or the destination.")
        for destination in sides.destinations:
            sync(destination)

    def _check_room(self) -> None:
        """Raise Stopped where the receipts of all files will not fit, with a tenth to spare."""
        wanted = self._order.preview.files * BYTES_A_RECEIPT * 11 // 10
        for folder in (self._order.own_data, *self._terms.roots):
            if shutil.disk_usage(folder).free < wanted:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _began(self, sides: Sides) -> Began:
        order, terms, info = self._order, self._terms, os.fstat(sides.source)
        return Began(
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            run_id=terms.run_id,
            job_id=terms.job_id,
            attempt=order.attempt,
            source=terms.source,
            source_device=info.st_dev,
            source_inode=info.st_ino,
            place=terms.place,
            roots=terms.roots,
            preview=order.preview.digest,
            quarantine_days=terms.quarantine_days,
            confirmed_by=order.confirmed_by,
            confirmed_at=order.confirmed_at,
        )

    def _take(self, sides: Sides, shelf: Shelf, receipts: Receipts) -> None:
        removal = self._removal = Removal(
            sides.source,
            sides.destinations,
            shelf,
            receipts,
            self._order.attempt,
            at_once=not self._terms.quarantine_days,
            on_step=self._on_step,
            on_kept=self._keep,
        )
        try:
            for batch in in_batches(read_records(Path(self._order.folder) / PREVIEW)):
                sides.check()
                removal.take(batch)
                self._say(Far(files=removal.files, bytes=removal.bytes, kept=removal.kept))
            if self._terms.remove_empty_folders:
                self._folders = _without_emptied(sides.source, removal.emptied, receipts)
        finally:
            with contextlib.suppress(OSError):
                receipts.add([], durable=True)
                self._receipt = receipts.digest()

    def _keep(self, path: bytes, why: str) -> None:
        kept = Kept(path=shown(path), why=why)
        if len(self._kept) < MOST_NAMED:
            self._kept.append(kept)
        self._say(kept)

    def done(self) -> Deletion:
        """Return what was done."""
        removal = self._removal
        digest, length = self._receipt
        return Deletion(
            files=0 if removal is None else removal.files,
            bytes=0 if removal is None else removal.bytes,
            kept=tuple(self._kept),
            kept_files=0 if removal is None else removal.kept,
            folders=self._folders,
            trouble=self.trouble,
            receipt=f"{PLACE}/{self._terms.run_id}.jsonl" if digest else "",
            receipt_digest=digest,
            receipt_bytes=length,
        )


def _say(value: Far | Kept) -> None:
    """Tell whoever follows, a line each."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


def _without_emptied(source: int, emptied: set[bytes], receipts: Receipts) -> int:
    """Remove folders from which files were taken and that have nothing left, and those above that became empty by it."""
    tree, removed = Tree(source), 0
    waiting = sorted(emptied - {b""}, key=lambda path: -path.count(b"/"))
    try:
        for first in waiting:
            for path in _upwards(first):
                if not _removed(tree, path, receipts):
                    break
                removed += 1
    finally:
        tree.forget()
    return removed


def _upwards(path: bytes) -> Iterator[bytes]:
    while path:
        yield path
        path, _ = split(path)


def _removed(tree: Tree, path: bytes, receipts: Receipts) -> bool:
    """Remove a folder if it is empty; its receipt comes first."""
    above, name = split(path)
    tree.forget()
    try:
        folder = tree.folder(path)
        with os.scandir(folder) as entries:
            if next(entries, None) is not None:
                return False
        mode = os.fstat(folder).st_mode & 0o7777
        receipts.add([Emptied(**path_fields(path), mode=mode)], durable=True)
        os.rmdir(name, dir_fd=tree.folder(above))
    except OSError:
        return False
    return True
