"""The stages of a run as bars below one another, drawn on the server; the same stands in words beside each."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from core.models import Attempt, Run, Value
from fastapi_app.presenters import times

MOST_ROWS: Final = 16
WIDTH: Final = 1_000
NARROWEST: Final = 4.0
LOOKS: Final = {"completed": "done", "failed": "failed", "paused": "paused", "cancelled": "cancelled"}

Stage = tuple[int, str, datetime]
"""The number of an attempt, the name of a stage, and when it began."""


class Bar(Value, frozen=True, kw_only=True):
    """One stage or attempt: from where to where it reaches, in thousandths, and how long that is in words."""

    word: str
    aside: str
    st: str
    x: float
    width: float
    took: str


class Stages(Value, frozen=True, kw_only=True):
    """All bars, the first on top; `more` says how many are left out."""

    bars: tuple[Bar, ...]
    more: str


def stages_of(run: Run, known: Sequence[Stage], now: datetime) -> Stages | None:
    """Return the stages of a run as far as they are known, else its attempts; None for one that never began."""
    if not run.attempts:
        return None
    spans = [*_spans(run, known, now)]
    start = spans[0][2]
    end = max(span[3] for span in spans)
    whole = max((end - start).total_seconds(), 0.001)
    bars = tuple(_bar(span, start, whole) for span in spans[-MOST_ROWS:])
    left = len(spans) - len(bars)
    return Stages(bars=bars, more=f"{left} earlier ones are not shown" if left else "")


Span = tuple[str, str, datetime, datetime, str]


def _spans(run: Run, known: Sequence[Stage], now: datetime) -> Iterator[Span]:
    for attempt in run.attempts:
        mine = [(name, began) for number, name, began in known if number == attempt.number]
        end = attempt.ended_at or now
        look = LOOKS.get(attempt.ending, "waiting") if attempt.ending else "running"
        which = f"attempt {attempt.number}" if len(run.attempts) > 1 else ""
        if not mine or mine[0][1] < attempt.started_at:
            yield which.capitalize() or "All of it", "", attempt.started_at, end, look
            continue
        yield from _of_attempt(attempt, mine, end, look, which)


def _of_attempt(
    attempt: Attempt, mine: Sequence[tuple[str, datetime]], end: datetime, look: str, which: str
) -> Iterator[Span]:
    ends = [*(began for _, began in mine[1:]), end]
    begins = [attempt.started_at, *(began for _, began in mine[1:])]
    for place, (name, _) in enumerate(mine):
        last = place == len(mine) - 1
        yield (
            name.capitalize(),
            which,
            begins[place],
            max(ends[place], begins[place]),
            look if last else "done",
        )


def _bar(span: Span, start: datetime, whole: float) -> Bar:
    word, aside, begin, end, look = span
    seconds = (end - begin).total_seconds()
    x = round(WIDTH * (begin - start).total_seconds() / whole, 1)
    width = max(round(WIDTH * seconds / whole, 1), NARROWEST)
    return Bar(
        word=word,
        aside=aside,
        st=look,
        x=min(x, WIDTH - width),
        width=width,
        took=times.span(seconds) if seconds >= 1 else "under 1 s",
    )
