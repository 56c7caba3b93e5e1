"""The jobs that a job comes after, as people write them: by name, or by id where a name is not enough."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from core.models import JobOverview, Value

MOST_OFFERED: Final = 8
MOST_NAMED: Final = 3
SHORTEST_PART: Final = 2


class Offer(Value, frozen=True, kw_only=True):
    """A job that may be meant: what is written for it, and its name; `line` is which line it would take."""

    text: str
    name: str
    line: int


class Written(Value, frozen=True, kw_only=True):
    """What some lines mean: ids of jobs, or a sentence about those that cannot be understood, and jobs that fit."""

    ids: tuple[str, ...] = ()
    problem: str = ""
    offers: tuple[Offer, ...] = ()


class Parents:
    """Knows every job by name and id."""

    def __init__(self, items: Iterable[JobOverview], *, child: str = "") -> None:
        self._names = {item.job.id: item.job.name for item in items if item.job.id != child}
        self._ids: dict[str, list[str]] = {}
        for job_id, name in self._names.items():
            self._ids.setdefault(name, []).append(job_id)

    def lines(self, job_ids: Sequence[str]) -> tuple[str, ...]:
        """Return what people write for these jobs."""
        return tuple(self._text(job_id) for job_id in job_ids)

    def _text(self, job_id: str) -> str:
        name = self._names.get(job_id, "")
        clear = len(self._ids.get(name, ())) == 1 and name not in self._names and name == name.strip()
        return name if clear else job_id

    def names(self, job_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the names of those that are there."""
        return {job_id: self._names[job_id] for job_id in job_ids if job_id in self._names}

    def read(self, lines: Sequence[str]) -> Written:
        """Return what the lines mean; those that mean nothing stay as they are."""
        ids: list[str] = []
        problems: list[str] = []
        offers: tuple[Offer, ...] = ()
        for number, line in enumerate(lines):
            found = [line] if line in self._names else self._ids.get(line, [])
            ids.append(found[0] if len(found) == 1 else line)
            if len(found) != 1:
                problems.append(_sentence(line, found))
                offers = self._offers(line, found, number) or offers
        return Written(ids=tuple(dict.fromkeys(ids)), problem=" ".join(problems[:MOST_NAMED]), offers=offers)

    def _offers(self, line: str, found: Sequence[str], number: int) -> tuple[Offer, ...]:
        """Return jobs that the line may be about."""
        part = line.casefold()
        fitting = found or [
            job_id
            for job_id, name in self._names.items()
            if part in name.casefold() or (len(part) > SHORTEST_PART and job_id.startswith(part))
        ]
        return tuple(
            Offer(text=self._text(job_id), name=self._names[job_id], line=number)
            for job_id in fitting[:MOST_OFFERED]
        )


def _sentence(line: str, found: Sequence[str]) -> str:
    if not found:
        return f"There is no job “{line:.80}”."
    ids = " or ".join(found[:MOST_NAMED])
    return f"{len(found)} jobs are called “{line:.80}”; write the id of the one: {ids}."
