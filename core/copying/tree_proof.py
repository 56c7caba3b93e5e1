"""What is proved after the files: their further names, and the folders."""

from typing import Final

import msgspec

from core.copying.desk import Desk
from core.copying.messages import (
    SAME,
    VOID,
    LinkPair,
    Looked,
    Name,
    Problem,
    ProveFolders,
    ProveLinks,
    Reply,
    pack,
    unpack_digests,
    unpack_looked,
    unpack_pair,
    unpack_planned,
    unpack_unit,
)
from core.copying.names import joined
from core.models import Progress

BATCH: Final = 256
OF_THE_SOURCE: Final = frozenset({"vanished", "became", "unreadable", "changing"})


def proving(what: str) -> Progress:
    """Return what is said meanwhile; the files are all compared by then."""
    return Progress(stage="verify", percent=100.0, message=f"Comparing {what}")


class NamesProof:
    """Proves further names by the file that was proved under the first one.

    It holds in memory one digest for each file that has several names.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._links = desk.files.links
        self._digests: dict[bytes, bytes] = {}

    def run(self) -> None:
        """Compare every further name, and keep the digests for the list."""
        if not len(self._links):
            return
        if self._desk.wishes.verify != "fast":
            self._digests = self._digests_of_firsts()
        starts = iter(range(0, len(self._links), BATCH))

        def following() -> tuple[tuple[LinkPair, ...], ProveLinks] | None:
            start = next(starts, None)
            if start is None:
                return None
            places = range(start, min(start + BATCH, len(self._links)))
            pairs = tuple(unpack_pair(self._links[place]) for place in places)
            return pairs, ProveLinks(pairs)

        self._desk.work(following, self._take, lambda: proving("further names"))

    def _digests_of_firsts(self) -> dict[bytes, bytes]:
        firsts = {self._first(unpack_pair(self._links[place])) for place in range(len(self._links))}
        found = {}
        for number in range(len(self._desk.files.plan)):
            answer = self._desk.files.proved.answer(number)
            if not answer:
                continue
            unit = unpack_unit(unpack_planned(self._desk.files.plan[number]).unit)
            for entry, digest in zip(unit.entries, unpack_digests(answer), strict=True):
                path = joined(unit.folder, entry.name)
                if digest not in {b"", VOID} and path in firsts:
                    found[path] = digest
        return found

    def _first(self, pair: LinkPair) -> bytes:
        return joined(pair.first_folder, pair.first_name)

    def _take(self, pairs: tuple[LinkPair, ...], reply: Reply) -> None:
        own = reply.tally.get("proved", 0), reply.tally.get("proved_bytes", 0)
        # A name with a file of its own is counted among the names, as the plan has it.
        tally = reply.tally | {"proved": 0, "proved_bytes": 0, "own_files": own[0], "own_bytes": own[1]}
        problems = tuple(problem for problem in reply.problems if not self._is_told(problem))
        self._desk.take(msgspec.structs.replace(reply, tally=tally, problems=problems))
        if reply.kind == "broken":
            return
        for pair, answer in zip(pairs, unpack_digests(reply.body), strict=True):
            self._keep(pair, answer)

    def _is_told(self, problem: Problem) -> bool:
        """Tell whether making the name has met the same trouble with the source already."""
        return problem.kind in OF_THE_SOURCE and problem.path in self._desk.notes.told_names

    def _keep(self, pair: LinkPair, answer: bytes) -> None:
        digest = self._digests.get(self._first(pair), b"") if answer == SAME else answer
        if digest in {b"", VOID}:
            self._desk.account.count({"unproved_names": 1})
            return
        self._desk.account.count({"proved_names": 1})
        self._desk.files.names.append(pack(Name(joined(pair.folder, pair.name), digest)))


class FoldersProof:
    """Sees that every folder is there, and that those of the source are on the disks they were on."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._looked = desk.files.looked

    def run(self) -> None:
        """Look at every folder; one that took its files with it fails the run."""
        starts = iter(range(0, len(self._looked), BATCH))

        def following() -> tuple[str, ProveFolders] | None:
            start = next(starts, None)
            if start is None:
                return None
            places = range(start, min(start + BATCH, len(self._looked)))
            folders: tuple[Looked, ...] = tuple(unpack_looked(self._looked[place]) for place in places)
            return "", ProveFolders(folders)

        self._desk.work(following, self._take, lambda: proving("folders"))

    def _take(self, _: str, reply: Reply) -> None:
        vanished = {problem.path for problem in reply.problems if problem.kind == "vanished"}
        problems = reply.problems
        if vanished:
            with_files = self._with_files(vanished)
            problems = tuple(worse(problem, with_files) for problem in problems)
        self._desk.take(msgspec.structs.replace(reply, problems=problems))

    def _with_files(self, folders: set[bytes]) -> set[bytes]:
        """Return those of the folders in which the scan found something."""
        plan = self._desk.files.plan
        units = (unpack_unit(unpack_planned(plan[number]).unit) for number in range(len(plan)))
        return {unit.folder for unit in units if unit.folder in folders}


def worse(problem: Problem, with_files: set[bytes]) -> Problem:
    """Return a vanished folder as lost if the run had files in it to copy or to prove."""
    if problem.kind != "vanished" or problem.path not in with_files:
        return problem
    return Problem("lost", problem.path, "was it deleted, or a disk inside the source unplugged?")
