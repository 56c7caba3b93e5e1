"""Reading all that a repository holds, a part each day, so that everything is read every so many days."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final, Self

from msgspec import to_builtins

from core.models import Value

NOTE: Final = "reread"
MOST_PARTS_AT_ONCE: Final = 7


class Round(Value, frozen=True, kw_only=True):
    """How far the reading is: `done` parts of `of` since `began`.

    `last` is the day on which a part was read, `finished` the one on which the round before this ended.
    """

    of: int
    done: int = 0
    began: str = ""
    last: str = ""
    finished: str = ""

    @classmethod
    def noted(cls, note: Mapping[str, Any], of: int) -> Self:
        """Return what was noted; a new round where nothing was, or the number of days is another one now."""
        finished = str(note.get("finished", ""))
        if note.get("of") != of:
            return cls(of=of, finished=finished)
        done = note.get("done", 0)
        return cls(
            of=of,
            done=done if isinstance(done, int) and 0 <= done < of else 0,
            began=str(note.get("began", "")),
            last=str(note.get("last", "")),
            finished=finished,
        )

    def due(self, today: date) -> tuple[str, ...]:
        """Return which parts are to be read today, as restic is told: none, "4/30", some of them, or "all".

        Days on which no run came are made up for.
        """
        if self.of <= 0 or self.last == today.isoformat():
            return ()
        days = (today - date.fromisoformat(self.last)).days if self.last else 1
        if days >= self.of or self.of == 1:
            return ("all",)
        count = min(max(days, 1), self.of - self.done, MOST_PARTS_AT_ONCE)
        return tuple(f"{self.done + 1 + index}/{self.of}" for index in range(count))

    def after(self, parts: tuple[str, ...], today: date) -> Self:
        """Return how far it is once these parts were read and found good."""
        day = today.isoformat()
        done = self.of if parts == ("all",) else self.done + len(parts)
        if done >= self.of:
            return type(self)(of=self.of, last=day, finished=day)
        return type(self)(of=self.of, done=done, began=self.began or day, last=day, finished=self.finished)

    @property
    def as_note(self) -> dict[str, Any]:
        """Return it as it is noted."""
        note: dict[str, Any] = to_builtins(self)
        return note

    @property
    def sentence(self) -> str:
        """Return how far it is, for people."""
        every = (
            f"Everything the repository holds is read every {self.of} days"
            if self.of > 1
            else ("Everything the repository holds is read every day")
        )
        ended = (
            f"the last full round ended on {self.finished}" if self.finished else "no round is complete yet"
        )
        if not self.done:
            return f"{every}; {ended}."
        until = date.fromisoformat(self.began) + timedelta(days=self.of - 1)
        return f"{every}: {self.done} of {self.of} parts are read since {self.began} and good, the rest by {until}; {ended}."


def in_words(parts: tuple[str, ...]) -> str:
    """Return which parts these are."""
    if parts == ("all",):
        return "all"
    return f"part {parts[0].replace('/', ' of ')}" if len(parts) == 1 else f"{len(parts)} parts"
