"""Where the jobs of a graph stand: one column for each level, little crossing, room for ways that pass by."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

from core.models import Value
from core.ordering import levels

WIDTH: Final = 176
HEIGHT: Final = 44
GAP: Final = 52
ROOM: Final = 12
WAY: Final = 10
"""How high a column is where a way passes by."""
MARGIN: Final = 8
IN_SIGHT: Final = 520
SWEEPS: Final = 4
MOST_WAYS: Final = 2_000

Point = tuple[int, int]
Slot = tuple[str, int] | str
"""What has a place in a column: a job by its id, or a way that passes by, by its number and level."""


class Layout(Value, frozen=True, kw_only=True):
    """Where each job's upper left corner is, and what each way passes, from parent to child."""

    width: int
    height: int
    places: Mapping[str, Point]
    ways: tuple[tuple[Point, ...], ...]


def laid_out(after: Mapping[str, Sequence[str]], job_ids: Sequence[str]) -> Layout:
    """Return where these jobs stand; ways to and from others are left out."""
    level = levels(after, job_ids)
    columns: list[list[Slot]] = [[] for _ in range(max(level.values(), default=0) + 1)]
    for job_id in job_ids:
        columns[level[job_id]].append(job_id)
    ways = _ways(after, level)
    for way in ways:
        for slot in way[1:-1]:
            columns[_column(slot)].append(slot)
    _untangle(columns, ways)
    tops = _tops(columns)
    tall = max((_height(column) for column in columns), default=0)
    return Layout(
        width=2 * MARGIN + len(columns) * (WIDTH + GAP) - GAP,
        height=2 * MARGIN + tall,
        places={job_id: (_left(level[job_id]), tops[job_id]) for job_id in job_ids},
        ways=tuple(_points(way, level, tops) for way in ways),
    )


def _ways(after: Mapping[str, Sequence[str]], level: Mapping[str, int]) -> list[list[Slot]]:
    """Return each way as the slots it takes; one that leads back in a circle is left out."""
    found: list[list[Slot]] = []
    for child, its_level in level.items():
        for parent in dict.fromkeys(after.get(child, ())):
            if level.get(parent, its_level) < its_level and len(found) < MOST_WAYS:
                name = f"{parent} {child}"
                between: list[Slot] = [(name, column) for column in range(level[parent] + 1, its_level)]
                found.append([parent, *between, child])
    return found


def _column(slot: Slot) -> int:
    return slot[1] if isinstance(slot, tuple) else 0


def _untangle(columns: list[list[Slot]], ways: Iterable[Sequence[Slot]]) -> None:
    """Order each column by where its neighbours stand, to and fro."""
    steps = [(one, next_one) for way in ways for one, next_one in pairwise(way)]
    before: dict[Slot, list[Slot]] = {}
    behind: dict[Slot, list[Slot]] = {}
    for one, next_one in steps:
        before.setdefault(next_one, []).append(one)
        behind.setdefault(one, []).append(next_one)
    for sweep in range(SWEEPS):
        neighbours, order = (before, columns) if sweep % 2 == 0 else (behind, columns[::-1])
        for fixed, column in pairwise(order):
            _sort(column, fixed, neighbours)


def _sort(column: list[Slot], fixed: Sequence[Slot], neighbours: Mapping[Slot, Sequence[Slot]]) -> None:
    stands = {slot: place for place, slot in enumerate(fixed)}
    here = {slot: place for place, slot in enumerate(column)}

    def middle(slot: Slot) -> float:
        places = [stands[other] for other in neighbours.get(slot, ()) if other in stands]
        return sum(places) / len(places) if places else here[slot]

    column.sort(key=middle)


def _height(column: Sequence[Slot]) -> int:
    return sum(_size(slot) for slot in column) + ROOM * (len(column) - 1)


def _size(slot: Slot) -> int:
    return WAY if isinstance(slot, tuple) else HEIGHT


def _tops(columns: Sequence[Sequence[Slot]]) -> dict[Slot, int]:
    """Return how far down each slot begins: in the middle of its column, or where that is out of sight, at the top."""
    tall = max((_height(column) for column in columns), default=0)
    tops: dict[Slot, int] = {}
    for column in columns:
        top = MARGIN + ((tall - _height(column)) // 2 if tall <= IN_SIGHT else 0)
        for slot in column:
            tops[slot] = top
            top += _size(slot) + ROOM
    return tops


def _left(column: int) -> int:
    return MARGIN + column * (WIDTH + GAP)


def _points(way: Sequence[Slot], level: Mapping[str, int], tops: Mapping[Slot, int]) -> tuple[Point, ...]:
    """Return what a way passes: out of the parent, through its rooms, into the child."""
    first, *between, last = way
    points = [(_left(level[str(first)]) + WIDTH, tops[first] + HEIGHT // 2)]
    for slot in between:
        left, middle = _left(_column(slot)), tops[slot] + WAY // 2
        points += [(left, middle), (left + WIDTH, middle)]
    return (*points, (_left(level[str(last)]), tops[last] + HEIGHT // 2))
