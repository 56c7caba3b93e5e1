"""What one live frame says, and how it is written.

Rows, pieces and log lines come ready encoded; a frame is a join of them, so that what many
viewers see is encoded once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import orjson

LARGEST_FRAME: Final = 256_000
MOST_NOTICES: Final = 20


def encoded(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the value as JSON."""
    return orjson.dumps(value).decode()


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One job as frames show it: its row of fields and, after a change of state, its pieces."""

    row: str
    pieces: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What has changed for somebody since their last frame; the newest value of each thing."""

    rows: Mapping[str, str] = field(default_factory=dict)
    pieces: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, Any] | None = None
    moved: int = 0
    notices: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, drawn: Mapping[str, Drawn], ids: Iterable[str], **others: Any) -> "Batch":  # noqa: ANN401
        """Return the batch of these of the jobs that were drawn."""
        chosen = {job_id: drawn[job_id] for job_id in ids if job_id in drawn}
        pieces = {element: piece for each in chosen.values() for element, piece in each.pieces.items()}
        return cls(rows={job_id: each.row for job_id, each in chosen.items()}, pieces=pieces, **others)

    def __bool__(self) -> bool:
        """Tell whether there is anything to say."""
        return bool(self.rows or self.pieces or self.counts is not None or self.moved or self.notices)

    def then(self, later: "Batch") -> "Batch":
        """Return this batch as it is after a later one; no thing is in it twice."""
        return Batch(
            rows={**self.rows, **later.rows},
            pieces={**self.pieces, **later.pieces},
            counts=later.counts if later.counts is not None else self.counts,
            moved=self.moved + later.moved,
            notices=(*self.notices, *later.notices)[-MOST_NOTICES:],
        )

    def counts_only(self) -> "Batch":
        """Return what a hidden tab still wants to know."""
        return Batch(counts=self.counts)

    @cached_property
    def body(self) -> str:
        """The members of a frame that say all this; written once, however many viewers share it."""
        members = ""
        if self.rows:
            members += f',"j":[{",".join(self.rows.values())}]'
        if self.pieces:
            members += f',"h":[{",".join(self.pieces.values())}]'
        if self.counts is not None:
            members += f',"c":{encoded(self.counts)}'
        if self.moved:
            members += f',"x":{self.moved}'
        if self.notices:
            members += f',"n":{encoded(self.notices)}'
        return members


def frame(epoch: str, seq: int, at: int, body: str) -> str:
    """Return a whole frame; one that would be too large asks the page to fetch instead."""
    text = f'{{"t":"p","e":"{epoch}","s":{seq},"at":{at}{body}}}'
    return text if len(text) <= LARGEST_FRAME else reset(epoch)


def beat(seq: int) -> str:
    """Return the sign of life of a line that has nothing to say."""
    return f'{{"t":"b","s":{seq}}}'


def reset(epoch: str) -> str:
    """Return the wish that the page fetch what it shows, then subscribe again."""
    return f'{{"t":"reset","e":"{epoch}"}}'
