"""When every job is due, as the list shows it: searched, sorted out and in pieces that a page can hold."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from core.models import Value
from core.schedules import conditions, end_of_blackout
from core.timetable import Appointment
from fastapi_app.presenters.states import Mark, mark_of
from fastapi_app.presenters.texts import plural

MOST_ROWS: Final = 50
LONGEST_WORDS: Final = 200
ALL, OFF, LEFT_OUT = "all", "off", "left-out"
SORTS: Final = ((ALL, "All"), (OFF, "Not due"), (LEFT_OUT, "With due times left out"))
LIST, TIMELINE, CALENDAR = "list", "timeline", "calendar"
VIEWS: Final = (
    (LIST, "List", "i-list"),
    (TIMELINE, "Timeline", "i-lanes"),
    (CALENDAR, "Calendar", "i-month"),
)


class DueRow(Value, frozen=True, kw_only=True):
    """A job that has a schedule; `aside` says what else there is to say, `cron` what it is made of.

    `paused` tells that people let nothing of it begin, `waits_until` when the blackout ends that its next time lies in.
    """

    id: str
    name: str
    words: str
    cron: str
    aside: tuple[str, ...]
    enabled: bool
    next_at: datetime | None
    skip: datetime | None
    left_out: str
    mark: Mark
    last_at: datetime | None
    last_run: str = ""
    paused: bool = False
    waits_until: datetime | None = None


class Chip(Value, frozen=True, kw_only=True):
    """Some of the jobs: its word, how many there are, and where it leads."""

    word: str
    many: int
    address: str
    chosen: bool


class Says(Value, frozen=True, kw_only=True):
    """What is said first: how many have a schedule, and who is next."""

    sentence: str
    next_name: str
    next_id: str
    next_at: datetime | None


class SchedulesList(Value, frozen=True, kw_only=True):
    """The list: which jobs, and how many more there are; `whole` tells that nothing was looked for."""

    rows: tuple[DueRow, ...]
    chips: tuple[Chip, ...]
    words: str
    sort: str
    whole: bool
    found: str
    earlier: str
    later: str


Pauses = Callable[[str], bool]
"""Tells whether people let nothing of a job begin, by its id."""


def says(found: Sequence[Appointment]) -> Says:
    """Return what is said first of these jobs, the next due first."""
    first = found[0] if found and found[0].next_at is not None else None
    return Says(
        sentence=_sentence(found),
        next_name=first.job.name if first else "",
        next_id=first.job.id if first else "",
        next_at=first.next_at if first else None,
    )


def _sentence(found: Sequence[Appointment]) -> str:
    if not found:
        return "No job is due by itself yet."
    off = sum(one.next_at is None for one in found)
    said = f"{plural(len(found), 'job has', 'jobs have')} a schedule"
    return f"{said}; {off:,} of them {'is' if off == 1 else 'are'} not due." if off else f"{said}."


def schedules_list(
    found: Sequence[Appointment], words: str, sort: str, begin: int, is_paused: Pauses
) -> SchedulesList:
    """Return the jobs that have these words and are of this sort, from one of them on; the next due first."""
    words = words.strip()[:LONGEST_WORDS]
    sort = sort if sort in dict(SORTS) else ALL
    having = with_words(found, words)
    those = _of_sort(having, sort)
    begin = begin if 0 <= begin < len(those) else 0
    shown = those[begin : begin + MOST_ROWS]
    last = begin + len(shown)
    return SchedulesList(
        rows=tuple(due_row(one, is_paused=is_paused(one.job.id)) for one in shown),
        chips=tuple(
            Chip(
                word=word,
                many=len(_of_sort(having, name)),
                address=_address(words, name),
                chosen=name == sort,
            )
            for name, word in SORTS
        ),
        words=words,
        sort=sort,
        whole=not words and sort == ALL and not begin,
        found=f"{begin + 1:,} to {last:,} of {plural(len(those), 'job')}"
        if shown and len(those) > len(shown)
        else "",
        earlier=_address(words, sort, max(begin - MOST_ROWS, 0)) if begin else "",
        later=_address(words, sort, last) if last < len(those) else "",
    )


def with_words(found: Sequence[Appointment], words: str) -> Sequence[Appointment]:
    """Return the jobs in which each word stands: in the name, a tag, the kind, the id, or when they are due."""
    wanted = words.casefold().split()
    if not wanted:
        return found
    return [one for one in found if all(word in _said(one) for word in wanted)]


def _said(one: Appointment) -> str:
    return " ".join((one.job.name, *one.job.tags, one.job.kind, one.job.id, one.words)).casefold()


def _of_sort(found: Sequence[Appointment], sort: str) -> Sequence[Appointment]:
    if sort == OFF:
        return [one for one in found if one.next_at is None]
    if sort == LEFT_OUT:
        return [one for one in found if one.left_out or one.skip]
    return found


def _address(words: str, sort: str, begin: int = 0) -> str:
    asked = {
        "view": LIST,
        "q": words,
        "sort": "" if sort == ALL else sort,
        "from": str(begin) if begin else "",
    }
    return f"/schedules?{urlencode({name: value for name, value in asked.items() if value})}"


def due_row(one: Appointment, *, is_paused: bool = False) -> DueRow:
    """Return the row of a job."""
    run = one.latest_run
    return DueRow(
        id=one.job.id,
        name=one.job.name,
        words=one.words,
        cron=one.schedule.cron,
        aside=conditions(one.schedule),
        enabled=one.job.enabled,
        next_at=one.next_at,
        skip=one.skip,
        left_out=f"{plural(one.left_out, 'due time')} left out so far. {one.reason}" if one.left_out else "",
        mark=mark_of(run),
        last_at=(run.ended_at or run.started_at) if run else None,
        last_run=run.id if run else "",
        paused=is_paused,
        waits_until=end_of_blackout(one.schedule, one.next_at) if one.next_at else None,
    )
