"""What one live frame says, and how it is written.

Pieces and log lines come ready encoded, rows are encoded once; a frame is a join of them, so
that what many viewers see costs as much as for one.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import orjson

LARGEST_FRAME: Final = 256_000
MOST_NOTICES: Final = 20


def encoded(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the value as JSON."""
    return orjson.dumps(value).decode()


DETAILS: Final = frozenset({"s", "d", "g"})
"""Fields that only pages with details show."""

LITTLE: Final = 0.02
LONGER: Final = 0.1
"""By how much a rate must differ, and time that is left have grown, to be shown anew: numbers that tremble are not read."""


@dataclass(frozen=True)
class Row:
    """Fields of one job, each ready to be put in its place; `exact` are the numbers behind some of them."""

    job_id: str
    fields: Mapping[str, Any]
    exact: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def text(self) -> str:
        """The row as frames say it; written once, however many viewers are told."""
        return encoded([self.job_id, self.fields])

    @cached_property
    def brief(self) -> "Row | None":
        """The row for pages without details; None where nothing is left of it."""
        fields = {name: value for name, value in self.fields.items() if name not in DETAILS}
        return Row(self.job_id, fields) if fields else None

    def then(self, later: "Row") -> "Row":
        """Return this row as it is after a later one."""
        return Row(self.job_id, {**self.fields, **later.fields})

    def calmed(self, before: "Row") -> "Row":
        """Return this row with the words of the one before where the number behind them is hardly another."""
        same = [name for name, number in self.exact.items() if _hardly(name, before.exact.get(name), number)]
        return Row(
            self.job_id,
            {**self.fields, **{name: before.fields[name] for name in same}},
            {**self.exact, **{name: before.exact[name] for name in same}},
        )

    def since(self, before: "Row") -> "Row | None":
        """Return the fields that differ from the row before; None is none."""
        differing = {name: value for name, value in self.fields.items() if before.fields.get(name) != value}
        return Row(self.job_id, differing) if differing else None


def _hardly(name: str, shown: float | None, number: float) -> bool:
    if shown is None:
        return False
    if name == "e":  # it may always get less
        return shown <= number <= shown * (1 + LONGER)
    return abs(number - shown) <= shown * LITTLE


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One job as frames show it: all its fields, and its pieces after a change of state.

    `changes` are the fields that differ from the drawing before; None is none.
    """

    row: Row
    changes: Row | None
    pieces: Mapping[str, str] = field(default_factory=dict)

    def after(self, before: Row | None) -> "Drawn":
        """Return it for those who know the drawing before; a change of state is told whole."""
        if before is None or self.pieces:
            return self
        row = self.row.calmed(before)
        return replace(self, row=row, changes=row.since(before))


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What has changed for somebody since their last frame; the newest value of each thing."""

    rows: Mapping[str, Row] = field(default_factory=dict)
    pieces: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, Any] | None = None
    moved: int = 0
    notices: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(
        cls,
        drawn: Mapping[str, Drawn],
        known: AbstractSet[str] = frozenset(),
        *,
        details: bool = False,
        **others: Any,  # noqa: ANN401 - the other fields
    ) -> "Batch":
        """Return the batch of these jobs, for somebody who knows how some of them were drawn before."""
        rows = {job_id: each.changes if job_id in known else each.row for job_id, each in drawn.items()}
        if not details:
            rows = {job_id: row.brief for job_id, row in rows.items() if row}
        pieces = {element: piece for each in drawn.values() for element, piece in each.pieces.items()}
        return cls(rows={job_id: row for job_id, row in rows.items() if row}, pieces=pieces, **others)

    def __bool__(self) -> bool:
        """Tell whether there is anything to say."""
        return bool(self.rows or self.pieces or self.counts is not None or self.moved or self.notices)

    def then(self, later: "Batch") -> "Batch":
        """Return this batch as it is after a later one; no thing is in it twice."""
        return Batch(
            rows={**self.rows, **{job_id: self._row_then(row) for job_id, row in later.rows.items()}},
            pieces={**self.pieces, **later.pieces},
            counts=self.counts if later.counts is None else {**(self.counts or {}), **later.counts},
            moved=self.moved + later.moved,
            notices=(*self.notices, *later.notices)[-MOST_NOTICES:],
        )

    def _row_then(self, later: Row) -> Row:
        earlier = self.rows.get(later.job_id)
        return earlier.then(later) if earlier else later

    def counts_only(self) -> "Batch":
        """Return what a hidden tab still wants to know."""
        return Batch(counts=self.counts)

    @cached_property
    def body(self) -> str:
        """The members of a frame that say all this; written once, however many viewers share it."""
        members = ""
        if self.rows:
            members += f',"j":[{",".join(row.text for row in self.rows.values())}]'
        if self.pieces:
            members += f',"h":[{",".join(self.pieces.values())}]'
        if self.counts is not None:
            members += f',"c":{encoded(self.counts)}'
        if self.moved:
            members += f',"x":{self.moved}'
        if self.notices:
            members += f',"n":{encoded(self.notices)}'
        return members


def frame(epoch: str, seq: int | None, at: int, body: str) -> str:
    """Return a whole frame; one that would be too large asks the page to fetch instead.

    One that does not say all that happened has no number: a page is not to believe that it saw the rest.
    """
    number = "" if seq is None else f'"s":{seq},'
    text = f'{{"t":"p","e":"{epoch}",{number}"at":{at}{body}}}'
    return text if len(text) <= LARGEST_FRAME else reset(epoch)


def beat(seq: int) -> str:
    """Return the sign of life of a line that has nothing to say."""
    return f'{{"t":"b","s":{seq}}}'


def reset(epoch: str) -> str:
    """Return the wish that the page fetch what it shows, then subscribe again."""
    return f'{{"t":"reset","e":"{epoch}"}}'
