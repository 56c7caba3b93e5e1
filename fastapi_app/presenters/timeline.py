"""The timeline: what is due, a lane a job, who meets whom; and the last 24 hours as they were."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from core.absences import Absence
from core.meetings import Step
from core.models import Job, Run, Value
from core.plans import Plan, moment_of
from core.schedules import blackouts_between
from core.timetable import Appointment
from fastapi_app.presenters import lanes, times
from fastapi_app.presenters.lanes import Frame
from fastapi_app.presenters.states import Mark, mark_of
from fastapi_app.presenters.texts import plural

MOST_LANES: Final = 50
MOST_TOLD: Final = 200
"""How many runs the table of the last day has at most."""

MOST_BOXES: Final = 60
"""More due times than that in a lane run into one another."""

WEEK, DAY = "week", "day"
SPANS: Final = ((WEEK, "Seven days"), (DAY, "24 hours"))
NUMBERS: Final = (
    *("no", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
MISSED: Final = Mark(st="missed", icon="st-hollow", word="Did not run")


class Lane(Value, frozen=True, kw_only=True):
    """The time of a job: `due` draws its due times, `off` when nothing begins, `label` says it in words."""

    id: str
    name: str
    sub: str
    label: str
    due: str
    off: str
    dense: str
    next_at: datetime | None
    many: str
    nothing_begins: str


class PastLane(Value, frozen=True, kw_only=True):
    """What a job did: a path for each way in which runs are drawn."""

    id: str
    name: str
    label: str
    paths: Mapping[str, str]


class PastRow(Value, frozen=True, kw_only=True):
    """A run of the last day, or what stayed away, in words."""

    job_id: str
    name: str
    address: str
    word: str
    mark: Mark
    at: datetime
    took: str


class Ahead(Value, frozen=True, kw_only=True):
    """What is due: the lanes, and how many are at work at once against the slots."""

    title: str
    sentence: str
    frame: Frame
    now: str
    lanes: tuple[Lane, ...]
    load: str
    above: str
    slots: str
    load_label: str
    more: str


class Behind(Value, frozen=True, kw_only=True):
    """The last 24 hours: what ran and what did not."""

    sentence: str
    frame: Frame
    now: str
    lanes: tuple[PastLane, ...]
    rows: tuple[PastRow, ...]
    more: str


class Timeline(Value, frozen=True, kw_only=True):
    """Both, with the name of the zone they are drawn in; `span` is how far ahead is shown."""

    ahead: Ahead
    behind: Behind
    span: str
    zone: str
    zone_of_browser: bool


Lengths = Callable[[Job, Run | None], float | None]
Histories = Mapping[str, Sequence[Run]]


def ahead_of(
    found: Sequence[Appointment],
    plan: Plan,
    frame: Frame,
    zone: ZoneInfo,
    slots: int,
    now: datetime,
    usual: Lengths,
) -> Ahead:
    """Return what is due of these jobs, the next due first; `plan` is of all jobs."""
    due = [one for one in found if one.job.id in plan.jobs]
    load, above, line = lanes.load_paths(frame, plan.steps, slots)
    days = len(frame.labels) == lanes.DAYS
    return Ahead(
        title="The next seven days" if days else "The next 24 hours",
        sentence=meeting_sentence(plan, zone, slots, now, days=days),
        frame=frame,
        now=now_path(frame, now),
        lanes=tuple(_lane(one, plan, frame, usual(one.job, one.latest_run)) for one in due[:MOST_LANES]),
        load=load,
        above=above,
        slots=line,
        load_label=_load_label(plan.busiest, slots),
        more=_more(len(due) - MOST_LANES, plan.left_out),
    )


def _more(lanes_left: int, jobs_left: int) -> str:
    said = [
        f"{plural(lanes_left, 'more job is', 'more jobs are')} due; search for one to see it."
        if lanes_left > 0
        else ""
    ]
    if jobs_left:
        said.append(
            f"{plural(jobs_left, 'job')} further on could not be counted in: there are too many due times."
        )
    return " ".join(filter(None, said))


def now_path(frame: Frame, now: datetime) -> str:
    """Return the line at this moment."""
    return f"M{frame.place(now):.1f} 0v{lanes.LOAD_HEIGHT}"


def in_words(many: int) -> str:
    """Return a number as a sentence has it: "seven", "1,204"."""
    return NUMBERS[many] if 0 <= many < len(NUMBERS) else f"{many:,}"


def meeting_sentence(plan: Plan, zone: ZoneInfo, slots: int, now: datetime, *, days: bool) -> str:
    """Return who meets whom: "On Monday at 02:00 seven jobs meet; four slots."."""
    if not plan.jobs:
        return f"Nothing is due in the next {'seven days' if days else '24 hours'}."
    most = plan.busiest
    if most is None or most.many < 2:  # noqa: PLR2004 - one alone meets nobody
        return "No two jobs meet, if they take as long as usual."
    at = moment_of(most.at).astimezone(zone)
    soon = moment_of(most.at) - now < timedelta(hours=20)
    when = f"At {at:%H:%M}" if soon else f"On {at:%A} at {at:%H:%M}"
    there = f"{in_words(slots)} slot{'' if slots == 1 else 's'}"
    if most.many > slots:
        return f"{when} {in_words(most.many)} jobs meet; {there}."
    return f"{when} {in_words(most.many)} jobs are at work at once; {there}, so none has to wait."


def _load_label(most: Step | None, slots: int) -> str:
    many = most.many if most else 0
    return f"At work at once: {plural(many, 'job')} at most; {plural(slots, 'slot')}"


def _lane(one: Appointment, plan: Plan, frame: Frame, usual: float | None) -> Lane:
    planned = plan.jobs[one.job.id]
    begins = [at for at in planned.begins if at < frame.end.timestamp()]
    dense = planned.dense or len(begins) > MOST_BOXES
    many = "again and again" if dense else plural(len(begins), "time")
    off = blackouts_between(one.schedule, frame.start, frame.end)
    length = f"about {times.span(usual)}" if usual is not None else ""
    return Lane(
        id=one.job.id,
        name=one.job.name,
        sub=length,
        label=f"{one.job.name}: due {many}{f', {length} each' if length else ''}",
        due="" if dense else lanes.due_path(frame, begins, usual),
        off=lanes.off_path(frame, off),
        dense=f"M{frame.place(moment_of(begins[0])):.1f} 12H{lanes.WIDTH}" if dense and begins else "",
        next_at=one.next_at,
        many=many,
        nothing_begins=f"{plural(len(off), 'span')} in which nothing begins" if off else "",
    )


def behind_of(  # what ran, what stayed away, and who they are
    runs: Iterable[Run],
    missed: Sequence[Absence],
    names: Callable[[str], str | None],
    frame: Frame,
    now: datetime,
) -> Behind:
    """Return the last 24 hours, the job that was at work last first; `names` gives the name of a job, None for none."""
    of_jobs: dict[str, list[Run]] = {}
    for run in sorted(runs, key=_began, reverse=True):
        of_jobs.setdefault(run.job_id, []).append(run)
    away: dict[str, list[Absence]] = {}
    for one in missed:
        away.setdefault(one.job_id, []).append(one)
    order = sorted(
        {*of_jobs, *away}, key=lambda job_id: _last(of_jobs.get(job_id), away.get(job_id)), reverse=True
    )
    found = ((job_id, name) for job_id in order if (name := names(job_id)) is not None)
    some = tuple(islice(found, MOST_LANES))
    more = sum(1 for _ in found)
    return Behind(
        sentence=_sentence_behind([run for one in of_jobs.values() for run in one], missed),
        frame=frame,
        now=now_path(frame, now),
        lanes=tuple(
            _past_lane(job_id, name, of_jobs.get(job_id, []), away.get(job_id, []), frame, now)
            for job_id, name in some
        ),
        rows=_rows_behind(some, of_jobs, away, now),
        more=f"{plural(more, 'more job')} ran; search for one to see it." if more else "",
    )


def _began(run: Run) -> datetime:
    return run.started_at or run.ended_at or run.created_at


def _last(runs: Sequence[Run] | None, away: Sequence[Absence] | None) -> datetime:
    moments = [_began(runs[0])] if runs else []
    return max([*moments, *(one.at for one in away or ())])


def _past_lane(
    job_id: str, name: str, runs: Sequence[Run], away: Sequence[Absence], frame: Frame, now: datetime
) -> PastLane:
    return PastLane(
        id=job_id,
        name=name,
        label=f"{name}: {_counts(runs, len(away))}",
        paths=lanes.run_paths(frame, runs, (one.at for one in away), now),
    )


def _counts(runs: Iterable[Run], missed: int) -> str:
    """Return how runs ended, in words: "3 good, 1 failed, 1 did not run"."""
    counted = dict.fromkeys(lanes.KINDS, 0)
    for run in runs:
        counted[lanes.kind_of(run)] += 1
    counted[lanes.MISSED] = missed
    words = {lanes.MISSED: "did not run", lanes.OTHER: "called off", lanes.RUNNING: "at work now"}
    return ", ".join(f"{many:,} {words.get(kind, kind)}" for kind, many in counted.items() if many)


def _sentence_behind(runs: Sequence[Run], missed: Sequence[Absence]) -> str:
    counts = _counts(runs, len(missed))
    return f"{counts[:1].upper()}{counts[1:]}." if counts else "Nothing ran."


def _rows_behind(
    shown: Iterable[tuple[str, str]],
    of_jobs: Mapping[str, Sequence[Run]],
    away: Mapping[str, Sequence[Absence]],
    now: datetime,
) -> tuple[PastRow, ...]:
    rows = [_row(job_id, name, run, now) for job_id, name in shown for run in of_jobs.get(job_id, ())]
    rows += [
        PastRow(
            job_id=job_id,
            name=name,
            address=f"/jobs/{job_id}",
            word="why",
            mark=MISSED,
            at=one.at,
            took=one.words,
        )
        for job_id, name in shown
        for one in away.get(job_id, ())
    ]
    return tuple(sorted(rows, key=lambda row: row.at, reverse=True)[:MOST_TOLD])


def _row(job_id: str, name: str, run: Run, now: datetime) -> PastRow:
    began = _began(run)
    took = ((run.ended_at or now) - began).total_seconds()
    return PastRow(
        job_id=job_id,
        name=name,
        address=f"/runs/{run.id}",
        word=f"run {run.number:,}",
        mark=mark_of(run),
        at=began,
        took=times.span(max(took, 0.0)),
    )
