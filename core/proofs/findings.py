"""What was found wrong: counted by its sort, and the first of each sort named."""

from typing import Final, Literal

from core.copying.names import shown

NAMED: Final = 20

Sort = Literal["damaged", "missing", "unreadable", "changed", "vanished"]


class Findings:
    """Counts what is wrong and names some of it."""

    def __init__(self) -> None:
        self.counts: dict[Sort, int] = {}
        self._named: dict[Sort, list[str]] = {}
        self.sentences: list[str] = []
        """What stands against the whole proof, not one file."""

    def take(self, sort: Sort, path: bytes, reason: str) -> None:
        """Count something and, if it is among the first of its sort, name it."""
        self.counts[sort] = self.counts.get(sort, 0) + 1
        named = self._named.setdefault(sort, [])
        if len(named) < NAMED:
            named.append(f"{shown(path) or 'the folder itself'}: {reason}")

    def unreadable(self, path: bytes, reason: str) -> None:
        """Count something that could not be read."""
        self.take("unreadable", path, reason)

    def against(self, sentence: str) -> None:
        """Say what keeps all of it from being proved."""
        self.counts["unreadable"] = self.counts.get("unreadable", 0) + 1
        self.sentences.append(sentence)

    def named(self, sort: Sort) -> tuple[str, ...]:
        """Return the first of a sort, in words."""
        return tuple(self._named.get(sort, ()))

    @property
    def bad(self) -> bool:
        """Tell whether anything is wrong with the copy, or could not be read."""
        return any(self.counts.get(sort) for sort in ("damaged", "missing", "unreadable"))
