"""The program that puts back what a run took away: `main(own data, run)`. It never replaces a file that is there."""

import os
import sys
from pathlib import Path

import msgspec

from core.clearing.held import Held
from core.clearing.kernel import let_writers_wait, move_back
from core.clearing.names import split
from core.clearing.orders import MOST_NAMED, Handled, Kept
from core.clearing.receipts import Became, Moving
from core.clearing.shelves import folder_made
from core.clearing.sides import Stopped
from core.copying.names import shown
from core.copying.tree import Tree
from core.copying.troubles import in_words

SOME = 64


def main(arguments: list[str]) -> None:
    """Put everything back, and say how that went."""
    let_writers_wait()
    sys.stdout.buffer.write(msgspec.json.encode(put_back(Path(arguments[0]), arguments[1])))


def put_back(own_data: Path, run_id: str) -> Handled:
    """Put back what a run took away; what cannot be stays in quarantine and is named."""
    try:
        with Held(own_data, run_id) as held:
            return _Return(held).run()
    except Stopped as stopped:
        return Handled(trouble=str(stopped))
    except OSError as error:
        return Handled(trouble=f"It could not be put back: {in_words(error)}.")


class NotAside(Exception):
    """A file is not in quarantine any more."""


class _Return:
    """The way back of everything."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._source = Tree(held.source)
        self._files = self._bytes = self._kept_files = 0
        self._kept: list[Kept] = []
        self._became: list[Became] = []

    def run(self) -> Handled:
        """Put back the newest first: of two files of one name the older one stays aside."""
        for attempt in self._held.attempts:
            with self._held.shelf(attempt) as shelf:
                if shelf is not None:
                    self._all_of(shelf, attempt)
        self._note(durable=True)
        self._source.forget()
        left = not self._held.tidy()
        return Handled(
            files=self._files,
            bytes=self._bytes,
            kept=tuple(self._kept),
            kept_files=self._kept_files,
            left=left,
        )

    def _all_of(self, shelf: Tree, attempt: int) -> None:
        for moving in self._held.of_attempt(attempt, "aside", "astray"):
            try:
                self._one(shelf, moving)
            except FileExistsError:
                self._keep(moving, "the source has a file of that name again")
            except NotAside:
                self._missing(moving)
            except OSError as error:
                self._keep(moving, in_words(error))
            if len(self._became) >= SOME:
                self._note(durable=False)

    def _one(self, shelf: Tree, moving: Moving) -> None:
        folder, name = split(moving.name)
        try:
            private = shelf.folder(folder)
            os.stat(name, dir_fd=private, follow_symlinks=False)
        except FileNotFoundError as error:
            raise NotAside from error
        move_back(private, name, folder_made(self._source, folder, self._held.modes), name)
        self._files += 1
        self._bytes += moving.size
        self._became.append(Became(n=moving.n, state="back"))

    def _missing(self, moving: Moving) -> None:
        became = self._held.missing(moving)
        self._became.append(became)
        if became.state != "back":
            self._keep(moving, "it is not in quarantine any more")

    def _keep(self, moving: Moving, why: str) -> None:
        self._kept_files += 1
        if len(self._kept) < MOST_NAMED:
            self._kept.append(Kept(path=shown(moving.name), why=why))

    def _note(self, *, durable: bool) -> None:
        self._held.receipts.add(self._became, durable=durable)
        self._became = []
