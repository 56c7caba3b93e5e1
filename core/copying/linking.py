"""Further names of files: made in the second stage, proved in the third."""

import os
import stat
from collections import Counter

from core.copying.messages import SAME, VOID, Entry, LinkPair, Problem, Reply, pack
from core.copying.names import joined, part_name
from core.copying.proof import Prover
from core.copying.transfer import Copier, undisturbed
from core.copying.tree import make_writable
from core.copying.troubles import NotAFile, SourceTrouble, in_words, source_problem


class Linker:
    """Gives files their further names."""

    def __init__(self, copier: Copier) -> None:
        self.copier = copier
        self._source = copier.source
        self.destination = copier.destination

    def link(self, pairs: tuple[LinkPair, ...]) -> Reply:
        """Give files their further names."""
        tally: Counter[str] = Counter()
        self.copier.problems, self.copier.tally = [], tally
        for pair in pairs:
            path = joined(pair.folder, pair.name)
            try:
                self._one(pair, tally)
            except SourceTrouble as trouble:
                self.copier.problems.append(source_problem(path, trouble.error))
            except OSError as error:
                self.copier.destination_trouble(path, error)
        return Reply("done", dict(tally), tuple(self.copier.problems))

    def _one(self, pair: LinkPair, tally: Counter[str]) -> None:
        here = self.look(pair)
        if not self.still_one_file(pair, here):
            self._copy_as_its_own(pair, tally)
            return
        first = self.destination_of(pair.first_folder, pair.first_name)
        if first is None:  # whatever was in its way, it may not be in this one's
            self._copy_as_its_own(pair, tally)
        elif self.leads_to(pair, first):
            tally["unchanged_names"] += 1
        else:
            self.make(pair, first)
            tally["linked"] += 1

    def _copy_as_its_own(self, pair: LinkPair, tally: Counter[str]) -> None:
        mark = self.copier.copy_file(pair.folder, pair.name)
        tally["copied_names"] += 1
        tally["copied_bytes"] += max(0, mark.size)

    def look(self, pair: LinkPair) -> os.stat_result:
        """Return what the further name is in the source. Raises SourceTrouble."""
        try:
            here = os.stat(pair.name, dir_fd=self._source.folder(pair.folder), follow_symlinks=False)
        except OSError as error:
            raise SourceTrouble(error) from error
        if not stat.S_ISREG(here.st_mode):
            raise SourceTrouble(NotAFile())
        return here

    def still_one_file(self, pair: LinkPair, here: os.stat_result) -> bool:
        """Tell whether both names lead to one file of the source now."""
        try:
            folder = self._source.folder(pair.first_folder)
            first = os.stat(pair.first_name, dir_fd=folder, follow_symlinks=False)
        except OSError:  # the further name is all there is of the file now
            return False
        return (first.st_dev, first.st_ino) == (here.st_dev, here.st_ino)

    def destination_of(self, folder: bytes, name: bytes) -> os.stat_result | None:
        """Return what has that name at the destination, or None."""
        try:
            return os.stat(name, dir_fd=self.destination.folder(folder), follow_symlinks=False)
        except FileNotFoundError:
            return None

    def leads_to(self, pair: LinkPair, first: os.stat_result) -> bool:
        """Tell whether the further name is a name of this file at the destination."""
        now = self.destination_of(pair.folder, pair.name)
        return now is not None and (now.st_dev, now.st_ino) == (first.st_dev, first.st_ino)

    def make(self, pair: LinkPair, first: os.stat_result) -> None:
        """Make the file's further name, in place of whatever file has it."""
        there = self.destination.folder(pair.folder)
        with undisturbed(there):
            self._make_link(pair, self.destination.folder(pair.first_folder), there, first)

    def _make_link(self, pair: LinkPair, first: int, there: int, wanted: os.stat_result) -> None:
        part = part_name(pair.name, wanted, self.copier.setup.boot)
        make_writable(there)
        os.link(pair.first_name, part, src_dir_fd=first, dst_dir_fd=there, follow_symlinks=False)
        try:
            os.rename(part, pair.name, src_dir_fd=there, dst_dir_fd=there)
        except OSError:
            os.unlink(part, dir_fd=there)
            raise


class LinkProver:
    """Sees that further names lead to the file that was proved under its first one."""

    def __init__(self, linker: Linker, prover: Prover) -> None:
        self._linker = linker
        self._prover = prover
        self._tally: Counter[str] = Counter()
        self._problems: list[Problem] = []

    def prove(self, pairs: tuple[LinkPair, ...]) -> Reply:
        """Compare further names; the body is SAME, a digest of its own, or VOID for each."""
        copier = self._linker.copier
        copier.source.forget()
        copier.destination.forget()
        self._tally, self._problems = Counter(), []
        answers = [self._one(pair) for pair in pairs]
        return Reply("done", dict(self._tally), tuple(self._problems), pack(answers))

    def _one(self, pair: LinkPair) -> bytes:
        path = joined(pair.folder, pair.name)
        try:
            here = self._linker.look(pair)
            if not self._linker.still_one_file(pair, here):
                return self._prove_its_own(pair, here)
            return self._prove_same(pair)
        except SourceTrouble as trouble:
            problem = source_problem(path, trouble.error)
            self._problems.append(problem)
            self._tally["gone_names"] += problem.kind == "vanished"
        except OSError as error:
            self._problems.append(Problem("damaged", path, f"the name cannot be used: {in_words(error)}"))
        return VOID

    def _prove_same(self, pair: LinkPair) -> bytes:
        """Link again what leads elsewhere: the first name may be a new file since it was healed."""
        first = self._linker.destination_of(pair.first_folder, pair.first_name)
        if first is None:
            self._problems.append(
                Problem("damaged", joined(pair.folder, pair.name), "its first name is not there")
            )
            return VOID
        if not self._linker.leads_to(pair, first):
            missing = self._linker.destination_of(pair.folder, pair.name) is None
            self._linker.make(pair, first)
            self._tally["rewritten"] += 1
            if missing:
                self._tally["healed"] += 1
                self._problems.append(
                    Problem("healed", joined(pair.folder, pair.name), "the name was not there")
                )
        return SAME

    def _prove_its_own(self, pair: LinkPair, here: os.stat_result) -> bytes:
        """Prove a name that has become a file of its own since the scan."""
        first = self._linker.destination_of(pair.first_folder, pair.first_name)
        entry = Entry(pair.name, "file", "copy", here.st_size, here.st_mtime_ns)
        alone = first is None or not self._linker.leads_to(pair, first)
        digest, tally, problems = self._prover.prove_alone(pair.folder, entry, copied=alone)
        self._tally.update(tally)
        self._problems += problems
        return digest
