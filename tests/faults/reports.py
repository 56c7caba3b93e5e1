"""How much is tried, and what came of it."""

import re
import time
from dataclasses import dataclass, field

MOST_SHOWN = 12
LONGEST_SHOWN = 1_500


@dataclass(frozen=True)
class Effort:
    """How much to try: all of it, or the share that a run of the tests has time for."""

    seed: int
    whole: bool

    def of(self, number: int, *, some: int) -> int:
        """Return how many to try."""
        return number if self.whole else some


@dataclass
class Tally:
    """What was tried of one kind of fault, and what was wrong after it."""

    title: str
    number: int = 0
    wrongs: list[str] = field(default_factory=list)
    facts: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def tried(self, wrongs: list[str], *, where: str) -> None:
        """Count one trial, with what was wrong after it."""
        self.number += 1
        self.wrongs += [f"{where}: {wrong}" for wrong in wrongs]

    def count(self, what: str, number: float) -> None:
        """Add to a figure."""
        self.facts[what] = self.facts.get(what, 0) + number

    def longest(self, what: str, number: float) -> None:
        """Keep the greatest of a figure."""
        self.facts[what] = max(self.facts.get(what, 0), number)

    def lines(self) -> list[str]:
        """Return what to print of it."""
        seconds = time.monotonic() - self.began
        facts = ", ".join(f"{what} {number:.6g}" for what, number in self.facts.items())
        verdict = f"{len(self.wrongs)} WRONG" if self.wrongs else "0 wrong"
        said = [f"{self.title:<58} {self.number:>5} tried  {verdict:>9}  {seconds:>6.1f} s  {facts}".rstrip()]
        said += [f"    {note}" for note in self.notes]
        for wrongs in tuple(self._sorts().values())[:MOST_SHOWN]:
            said.append(f"    {wrongs[0]:.{LONGEST_SHOWN}}")
            said += [f"        and {len(wrongs) - 1} like it"] if len(wrongs) > 1 else []
        return said

    def _sorts(self) -> dict[str, list[str]]:
        """Return what was wrong by its words alone, without where and when and whose."""
        sorts: dict[str, list[str]] = {}
        for wrong in self.wrongs:
            words = re.sub(r"[^ ]*\d[^ ]*|\{.*", "#", wrong.partition(": ")[2])
            sorts.setdefault(words, []).append(wrong)
        return sorts
