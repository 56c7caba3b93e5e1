"""Which jobs come after which, and where that goes in a circle. Pure, and however long the chain, never too deep.

`after` leads from the id of every job to the ids of those it comes after.
"""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import takewhile

After = Mapping[str, Sequence[str]]


def unknown(after: After, job_id: str) -> tuple[str, ...]:
    """Return what the job comes after that is no job, in the order given."""
    return tuple(parent for parent in after.get(job_id, ()) if parent not in after)


def circle(after: After, job_id: str) -> tuple[str, ...] | None:
    """Return the shortest circle that the job is part of; None where there is none.

    It begins with the job; each comes after the next, and the last after the job. A job that comes after itself is
    alone in it.
    """
    came_from: dict[str, str] = {}
    for parent, one in _steps(after, job_id):
        came_from.setdefault(parent, one)
        if parent == job_id:
            way = takewhile(lambda step: step != job_id, _back(came_from, came_from[job_id]))
            return (job_id, *reversed(tuple(way)))
    return None


def _back(came_from: Mapping[str, str], one: str) -> Iterator[str]:
    while True:
        yield one
        one = came_from[one]


def above(after: After, job_id: str) -> tuple[str, ...]:
    """Return every job that the job comes after, itself not among them, nearest first."""
    return reach(after, job_id)


def below(after: After, job_id: str) -> tuple[str, ...]:
    """Return every job that comes after the job, itself not among them, nearest first."""
    return reach(children(after), job_id)


def children(after: After) -> dict[str, tuple[str, ...]]:
    """Return the same the other way round: for each job with any, the jobs that come after it directly."""
    found: dict[str, list[str]] = {}
    for job_id, parents in after.items():
        for parent in dict.fromkeys(parents):
            found.setdefault(parent, []).append(job_id)
    return {parent: tuple(ids) for parent, ids in found.items()}


def reach(ways: After, job_id: str) -> tuple[str, ...]:
    """Return everything that the ways lead to from the job, itself not among it, nearest first."""
    found = dict.fromkeys(there for there, _ in _steps(ways, job_id))
    found.pop(job_id, None)
    return tuple(found)


def _steps(ways: After, job_id: str) -> Iterator[tuple[str, str]]:
    """Go every way that there is from the job once, nearest first: where it leads, and where from."""
    seen = {job_id}
    waiting = deque((job_id,))
    while waiting:
        one = waiting.popleft()
        for there in ways.get(one, ()):
            yield there, one
            if there not in seen:
                seen.add(there)
                waiting.append(there)


def levels(after: After, job_ids: Collection[str]) -> dict[str, int]:
    """Return how many of these jobs must be over before each, one after the other at most; 0 is first.

    In an order in which they may be carried out. What is in a circle, or below one, comes last.
    """
    among = {job_id: {one for one in after.get(job_id, ()) if one in job_ids} for job_id in job_ids}
    coming = children({job_id: tuple(parents) for job_id, parents in among.items()})
    open_parents = {job_id: len(parents) for job_id, parents in among.items()}
    waiting = deque(job_id for job_id, many in open_parents.items() if not many)
    found: dict[str, int] = {}
    while waiting:
        job_id = waiting.popleft()
        found[job_id] = max((found[parent] + 1 for parent in among[job_id]), default=0)
        for child in coming.get(job_id, ()):
            open_parents[child] -= 1
            if not open_parents[child]:
                waiting.append(child)
    last = max(found.values(), default=-1) + 1
    return found | {job_id: last for job_id in job_ids if job_id not in found}
