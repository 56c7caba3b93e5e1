"""What a run has counted, and what there is to say about it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

import msgspec

from core.copying.messages import Problem, ProblemKind
from core.copying.names import shown

NAMED: Final = 20
"""How many paths of each kind are named in the warnings; all are in the run's log."""

COUNTED: Final = (
    "files",
    "folders",
    "links",
    "bytes",
    "unchanged",
    "copied",
    "copied_bytes",
    "touched",
    "excluded",
    "special",
    "healed",
    "followed",
)

FAILURES: Final[Mapping[ProblemKind, tuple[str, str]]] = {
    "unreadable": ("could not be read", "could not be read"),
    "conflict": ("is in the way of something else", "are in the way of something else"),
    "refused": ("could not be written", "could not be written"),
    "full": ("did not fit", "did not fit"),
    "damaged": ("is damaged at the destination", "are damaged at the destination"),
    "lost": ("vanished from the source with all its files", "vanished from the source with all their files"),
    "unplugged": (
        "is on another disk than when the run began",
        "are on another disk than when the run began",
    ),
}
WARNINGS: Final[Mapping[ProblemKind, str]] = {
    "vanished": "Vanished while it was being copied",
    "became": "Became something else while it was being copied",
    "changing": "Changed while it was being copied",
    "healed": "Was damaged at the destination and has been copied again",
    "followed": "Changed after it had been copied and was copied again",
    "attributes": "Extended attributes could not be kept",
    "special": "Left out",
    "own-data": "Left out",
    "leftover": "Removed",
}


class Voice(Protocol):
    """Writes lines to the run's log."""

    def warn(self, message: str) -> None:
        """Write a warning."""
        ...

    def error(self, message: str) -> None:
        """Write an error."""
        ...


class Account(msgspec.Struct):
    """Counts and problems of a run; it can be put away and taken up again."""

    counts: dict[str, int] = msgspec.field(default_factory=dict)
    problems: dict[ProblemKind, int] = msgspec.field(default_factory=dict)
    named: dict[ProblemKind, list[str]] = msgspec.field(default_factory=dict)

    def count(self, tally: Mapping[str, int]) -> None:
        """Add to the counts."""
        for name, number in tally.items():
            self.counts[name] = self.counts.get(name, 0) + number

    def take(self, problems: Iterable[Problem], voice: Voice | None) -> None:
        """Count problems, keep the first of each kind, and write each to the log."""
        for problem in problems:
            self.problems[problem.kind] = self.problems.get(problem.kind, 0) + 1
            line = f"{shown(problem.path) or 'the folder itself'}: {problem.reason}"
            named = self.named.setdefault(problem.kind, [])
            if len(named) < NAMED:
                named.append(line)
            if voice is not None:
                self._say(problem.kind, line, voice)

    def _say(self, kind: ProblemKind, line: str, voice: Voice) -> None:
        if kind in FAILURES:
            voice.error(f"{FAILURES[kind][0].capitalize()}: {line}")
        else:
            voice.warn(f"{WARNINGS[kind]}: {line}")

    def __getitem__(self, name: str) -> int:
        """Return how many of that were counted."""
        return self.counts.get(name, 0)

    def carry(self, earlier: "Account", kinds: Iterable[ProblemKind]) -> None:
        """Take over what an earlier account says of these kinds, counts as well as names."""
        for kind in kinds:
            if kind in earlier.problems:
                self.counts[kind] = earlier[kind]
                self.problems[kind] = earlier.problems[kind]
                self.named[kind] = [*earlier.named[kind]]

    @property
    def failures(self) -> int:
        """Return how many paths are not safe."""
        return sum(self.problems.get(kind, 0) for kind in FAILURES)

    def failure_sentence(self) -> str:
        """Return what failed in words: "2 could not be read, 1 did not fit"."""
        parts = []
        for kind, (one, many) in FAILURES.items():
            if number := self.problems.get(kind, 0):
                noun = "file or folder" if number == 1 else "files or folders"
                parts.append(f"{number:,} {noun} {one if number == 1 else many}")
        return ", ".join(parts)

    def warnings(self) -> tuple[str, ...]:
        """Return a sentence for each path to know about, the first of each kind."""
        lines: list[str] = []
        for kind, named in self.named.items():
            title = FAILURES[kind][0].capitalize() if kind in FAILURES else WARNINGS[kind]
            lines += [f"{title}: {line}." for line in named]
            if (more := self.problems[kind] - len(named)) > 0:
                lines.append(f"{title}: {more:,} more, see the log.")
        return tuple(lines)

    def as_result(self) -> dict[str, Any]:
        """Return the counts as a run's result shows them."""
        names = self["linked"] + self["unchanged_names"]
        counts = {name: self[name] for name in COUNTED}
        return counts | {"hard_links": names, "failed": self.failures}
