"""What is done last: folders are given their modes and times, and are looked at once more."""

import errno
import os
from collections import Counter

from core.copying.messages import Looked, Problem, Reply
from core.copying.transfer import Copier
from core.copying.troubles import SourceTrouble, in_words, source_problem


class Finisher:
    """Settles folders and proves that they are there."""

    def __init__(self, copier: Copier) -> None:
        self._copier = copier
        self._source = copier.source
        self._destination = copier.destination

    def settle(self, folders: tuple[bytes, ...]) -> Reply:
        """Give folders their modes, owners, times and extended attributes, in the order given."""
        problems: list[Problem] = []
        for folder in folders:
            try:
                self._settle_one(folder)
            except SourceTrouble as trouble:
                problems.append(source_problem(folder, trouble.error))
            except OSError as error:
                problems.append(Problem("refused", folder, in_words(error)))
        return Reply("done", {"settled": len(folders) - len(problems)}, tuple(problems))

    def _settle_one(self, folder: bytes) -> None:
        try:
            here = self._source.folder(folder)
            info = os.fstat(here)
        except OSError as error:
            raise SourceTrouble(error) from error
        there = self._destination.folder(folder)
        self._copier.attributes.carry(here, there, info, fresh=False)

    def prove(self, folders: tuple[Looked, ...]) -> Reply:
        """Look at folders by their names again; whatever is not as it was is a problem."""
        self._source.forget()
        self._destination.forget()
        tally: Counter[str] = Counter()
        problems: list[Problem] = []
        for folder in folders:
            problem = self._trouble_with(folder)
            if problem is None:
                tally["proved_folders"] += 1
            else:
                problems.append(problem)
        return Reply("done", dict(tally), tuple(problems))

    def _trouble_with(self, looked: Looked) -> Problem | None:
        try:
            here = os.fstat(self._source.folder(looked.folder))
        except OSError as error:
            return source_problem(looked.folder, error)
        if here.st_dev != looked.device:
            return Problem("unplugged", looked.folder, "was a disk inside the source unplugged?")
        try:
            self._destination.folder(looked.folder)
        except OSError as error:
            gone = error.errno == errno.ENOENT
            reason = "the folder is not there" if gone else f"the folder cannot be opened: {in_words(error)}"
            return Problem("damaged", looked.folder, reason)
        return None
