"""How many are at work at once, from when each begins and how long it takes. Pure; moments are seconds."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from core.models import Value

Stay = tuple[float, float]
"""From when to when something is at work."""

NOBODY: Final = 0


class Step(Value, frozen=True, kw_only=True):
    """From this moment on so many are at work, until the next step."""

    at: float
    many: int


def course(stays: Iterable[Stay]) -> tuple[Step, ...]:
    """Return how many are at work as time goes by; one that ends as another begins does not meet it."""
    edges: Counter[float] = Counter()
    for begins, ends in stays:
        if ends > begins:
            edges[begins] += 1
            edges[ends] -= 1
    steps: list[Step] = []
    present = NOBODY
    for at in sorted(edges):
        if edges[at]:
            present += edges[at]
            steps.append(Step(at=at, many=present))
    return tuple(steps)


def busiest(steps: Sequence[Step], since: float = float("-inf")) -> Step | None:
    """Return when most are at work, the first such moment from `since` on; None where nobody ever is."""
    most: Step | None = None
    for place, step in enumerate(steps):
        ends = steps[place + 1].at if place + 1 < len(steps) else step.at
        if step.many and ends > since and (most is None or step.many > most.many):
            most = step if step.at >= since else Step(at=since, many=step.many)
    return most
