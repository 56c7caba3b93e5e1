"""What is done last: further names of files, and the modes and times of folders."""

import os
from collections import Counter

from core.copying.messages import LinkPair, Problem, Reply
from core.copying.names import joined, part_name
from core.copying.transfer import Copier, undisturbed
from core.copying.tree import make_writable
from core.copying.troubles import SourceTrouble, in_words


class Finisher:
    """Makes hard links and settles folders."""

    def __init__(self, copier: Copier) -> None:
        self._copier = copier
        self._source = copier.source
        self._destination = copier.destination

    def link(self, pairs: tuple[LinkPair, ...]) -> Reply:
        """Give files their further names."""
        tally: Counter[str] = Counter()
        problems: list[Problem] = []
        for pair in pairs:
            try:
                self._link_one(pair, tally)
            except OSError as error:
                path = joined(pair.folder, pair.name)
                problems.append(Problem("refused", path, in_words(error)))
        return Reply("done", dict(tally), tuple(problems))

    def _link_one(self, pair: LinkPair, tally: Counter[str]) -> None:
        first = self._destination.folder(pair.first_folder)
        there = self._destination.folder(pair.folder)
        wanted = os.stat(pair.first_name, dir_fd=first, follow_symlinks=False)
        here = os.stat(pair.name, dir_fd=self._source.folder(pair.folder), follow_symlinks=False)
        if here.st_size != wanted.st_size:
            raise OSError(None, "its first name is not what it should be")
        try:
            now = os.stat(pair.name, dir_fd=there, follow_symlinks=False)
        except FileNotFoundError:
            now = None
        if now and (now.st_dev, now.st_ino) == (wanted.st_dev, wanted.st_ino):
            tally["unchanged_names"] += 1
            return
        with undisturbed(there):
            self._make_link(pair, first, there, wanted)
        tally["linked"] += 1

    def _make_link(self, pair: LinkPair, first: int, there: int, wanted: os.stat_result) -> None:
        part = part_name(pair.name, wanted, self._copier.setup.boot)
        make_writable(there)
        os.link(pair.first_name, part, src_dir_fd=first, dst_dir_fd=there, follow_symlinks=False)
        try:
            os.rename(part, pair.name, src_dir_fd=there, dst_dir_fd=there)
        except OSError:
            os.unlink(part, dir_fd=there)
            raise

    def settle(self, folders: tuple[bytes, ...]) -> Reply:
        """Give folders their modes, owners, times and extended attributes, in the order given."""
        problems: list[Problem] = []
        for folder in folders:
            try:
                self._settle_one(folder)
            except SourceTrouble as trouble:
                problems.append(Problem("vanished", folder, in_words(trouble.error)))
            except OSError as error:
                problems.append(Problem("refused", folder, in_words(error)))
        return Reply("done", {"settled": len(folders)}, tuple(problems))

    def _settle_one(self, folder: bytes) -> None:
        try:
            here = self._source.folder(folder)
            info = os.fstat(here)
        except OSError as error:
            raise SourceTrouble(error) from error
        there = self._destination.folder(folder)
        self._copier.attributes.carry(here, there, info, fresh=False)
