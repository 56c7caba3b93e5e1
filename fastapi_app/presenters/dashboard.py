"""The dashboard as it is shown: what a person would say first, who needs somebody, how old each copy is."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from core.asking import asks
from core.dispatch.base import Load
from core.engines import ENGINES
from core.facts import Fact, Picture
from core.models import Job, JobOverview, Run, Value
from core.notifications.rhythm import Expected
from core.rollups import Hour
from core.sizes import size
from core.states import RunState
from fastapi_app.presenters import times
from fastapi_app.presenters.charts import Age, age_bar, pips
from fastapi_app.presenters.jobs import ICONS, Action, about, actions_on, live_of, took
from fastapi_app.presenters.notifications import LATE
from fastapi_app.presenters.runs import failure_of
from fastapi_app.presenters.states import CHIPS, Mark, edition, mark_of
from fastapi_app.presenters.texts import plural

WORDS: Final = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
"""How small numbers begin a sentence."""

MODES: Final[Mapping[str, str]] = {
    "full": "every byte",
    "sample": "a sample",
    "fast": "names and sizes",
}
"""How a copy was proved."""


class Says(Value, frozen=True, kw_only=True):
    """What a person would say first, and the numbers behind it."""

    sentence: str
    aside: str
    alert: str
    problems: int
    held: bool


class Deed(Value, frozen=True, kw_only=True):
    """Something to do about a job: a link, or a form where it `posts`."""

    word: str
    address: str
    posts: bool = False
    look: str = "quiet"


class Need(Value, frozen=True, kw_only=True):
    """A job that waits for a person: why, what was not harmed, and what can be done, the likeliest first.

    `when` is what it did at `since`, in a word. Where the cause is an age, that of `at` stands between `cause` and `after`.
    """

    id: str
    name: str
    mark: Mark
    since: datetime
    cause: str
    when: str = ""
    at: datetime | None = None
    after: str = ""
    unharmed: str
    hint: str
    deeds: tuple[Deed, ...]


class Needs(Value, frozen=True, kw_only=True):
    """The jobs that wait longest, and how many there are."""

    rows: tuple[Need, ...]
    aside: str
    more: str


class AtWork(Value, frozen=True, kw_only=True):
    """A job that runs."""

    id: str
    name: str
    icon: str
    version: str
    live: Mapping[str, str | int]
    actions: tuple[Action, ...]


class Running(Value, frozen=True, kw_only=True):
    """What runs, and how much of it is shown."""

    rows: tuple[AtWork, ...]
    slots: str
    more: str


class CopyRow(Value, frozen=True, kw_only=True):
    """The newest proved copy of a job beside its target."""

    id: str
    name: str
    about: str
    bar: Age
    at: datetime | None
    is_old: bool
    run: str
    size: str
    mode: str


class Copies(Value, frozen=True, kw_only=True):
    """The copies that are worth a look first, and how many there are; `copying` is whether any job makes some."""

    copying: bool
    rows: tuple[CopyRow, ...]
    aside: str
    more: str


class Recent(Value, frozen=True, kw_only=True):
    """A run that ended lately."""

    id: str
    name: str
    mark: Mark
    at: datetime
    took: str


class WorkerRow(Value, frozen=True, kw_only=True):
    """Who carries runs out, and how busy they are."""

    name: str
    aside: str
    pips: tuple[bool, ...]


# What a person would say first


def says_of(
    picture: Picture, counts: Mapping[str, int], day: Sequence[Hour], *, problems: int, held: bool, alert: str
) -> Says:
    """Return the head of the page; `counts` are jobs by state, `day` the last 24 hours."""
    return Says(
        sentence=sentence_of(picture),
        aside=aside_of(counts, day),
        alert=alert,
        problems=problems,
        held=held,
    )


def sentence_of(picture: Picture) -> str:
    """Return what a person would say first. It calls nothing good of which no run has proved that it is."""
    if needing := picture.count("needs"):
        return f"{_needing(needing, picture.count('behind'))}{_rest_of(picture)}"
    if picture.count("jobs") and not picture.count("copying"):
        ran = picture.count("never") < picture.count("jobs")
        return "No job needs you." if ran else "Nothing has run yet."
    if picture.count("seeking"):
        return "Nothing needs you. Older copies are being looked through."
    if not picture.count("good") and not picture.count("copies"):
        return "Nothing is protected yet."
    if unproved := picture.count("unproved"):
        return f"{_begin(unproved, 'job has', 'jobs have')} no verified copy from the latest run."
    return _all_good(picture) if picture.count("good") else "Nothing needs you, and no copy is fresh."


def _needing(needing: int, behind: int) -> str:
    others = needing - behind
    if not behind:
        return f"{_begin(needing, 'job needs', 'jobs need')} you."
    late = _begin(behind, "dataset is", "datasets are")
    if not others:
        return f"{late} behind."
    more = f"{'one' if others == 1 else f'{others:,}'} more {'job needs' if others == 1 else 'jobs need'} you"
    return f"{late} behind, {more}."


def _rest_of(picture: Picture) -> str:
    """Return what holds for every job that needs nobody; nothing where that is not known to be good."""
    if not picture.count("good") or picture.count("unproved") or picture.count("seeking"):
        return ""
    others = picture.count("copying") < picture.count("jobs")
    what = "Every other copy" if others else "Everything else"
    if picture.count("pending"):
        return (
            " Every other copy that was made is verified."
            if others
            else " Everything else that ran has a verified copy."
        )
    if picture.count("aimed") == picture.count("good"):
        return f" {what} is fresh." if others else f" {what} has a fresh copy."
    return f" {what} is verified." if others else f" {what} has a verified copy."


def _all_good(picture: Picture) -> str:
    others = picture.count("copying") < picture.count("jobs")
    fresh = picture.count("aimed") == picture.count("good")
    if not picture.count("pending"):
        if fresh:
            return "Every copy is fresh." if others else "Everything has a fresh copy."
        return (
            "Every copy that was made is verified." if others else "Everything that ran has a verified copy."
        )
    proven = "Every copy that was made is verified." if others else "Everything that ran has a verified copy."
    never = picture.count("never")
    return f"{_begin(never, 'job has', 'jobs have')} never run. {proven}" if never else proven


def _begin(count: int, one: str, many: str) -> str:
    """Return a count as a sentence begins with it: "Two datasets are"."""
    number = WORDS[count] if count < len(WORDS) else f"{count:,}"
    return f"{number} {one if count == 1 else many}"


def aside_of(counts: Mapping[str, int], day: Sequence[Hour]) -> str:
    """Return the numbers behind the sentence."""
    groups = {name: sum(counts.get(state, 0) for state in states) for name, _, states in CHIPS}
    parts = [f"{groups['running']:,} running, {groups['waiting']:,} waiting."]
    if ended := sum(hour.ended for hour in day):
        failed = sum(hour.failed for hour in day)
        said = f"{plural(ended, 'run')} ended in the last 24 hours"
        parts.append(f"{said}, {failed:,} failed." if failed else f"{said}.")
    return " ".join(parts)


def looked_in_words(failed: int, still: int) -> str:
    """Return what failed since somebody looked last; nothing where nothing did."""
    if not failed:
        return ""
    said = f"{plural(failed, 'run')} failed since you last looked"
    if not still:
        return f"{said}; all of it has worked since."
    return f"{said}."


# Who needs somebody


def needs_of(picture: Picture, expected: Mapping[str, Expected | None]) -> Needs:
    """Return the jobs that wait for a person; `expected` is what was expected of those that are late."""
    count = picture.count("needs")
    rows = tuple(need_of(fact, expected.get(fact.job.id)) for fact in picture.needs)
    more = count > len(rows)
    aside = f"the oldest {len(rows)} of {plural(count, 'job')}" if more else plural(count, "job")
    return Needs(
        rows=rows,
        aside=f"{aside}, oldest first" if count > 1 and not more else aside,
        more=f"All {count:,} of them" if more else "",
    )


def need_of(fact: Fact, expected: Expected | None) -> Need:
    """Return why the job waits for a person: its latest run failed or asks, or it is late."""
    run = fact.overview.latest_run
    if run is not None and asks(run):
        return _question_need(fact, run)
    if run is not None and run.state == RunState.FAILED:
        return _failed_need(fact, run)
    return _late_need(fact, expected)


def _failed_need(fact: Fact, run: Run) -> Need:
    failure = failure_of(run)
    engine = ENGINES.get(run.kind)
    again = Deed(word="Try again", address=f"/jobs/{fact.job.id}/start", posts=True, look="")
    return Need(
        id=fact.job.id,
        name=fact.job.name,
        mark=mark_of(run),
        since=fact.since,
        when="Stopped",
        cause=failure.message if failure else "The latest run failed.",
        unharmed=engine.harmless if engine else "",
        hint=failure.hint if failure else "",
        deeds=(again, Deed(word="Log", address=f"/runs/{run.id}"), _edit(fact)),
    )


def _question_need(fact: Fact, run: Run) -> Need:
    return Need(
        id=fact.job.id,
        name=fact.job.name,
        mark=mark_of(run),
        since=fact.since,
        when="Set down",
        cause=run.reason,
        unharmed="Nothing goes on until somebody answers.",
        hint="",
        deeds=(Deed(word="Answer", address=f"/runs/{run.id}", look=""),),
    )


def _late_need(fact: Fact, expected: Expected | None) -> Need:
    run, last = fact.overview.latest_run, expected.last_success if expected else None
    start = Deed(word="Start", address=f"/jobs/{fact.job.id}/start", posts=True, look="")
    deeds = [start] if run is None or run.over else []
    if run is not None:
        deeds.append(Deed(word="Last run", address=f"/runs/{run.id}"))
    cause, at, after = "No success in time, and none before.", None, ""
    if fact.copy is not None and fact.target:
        cause, at, after = "No good copy for", fact.copy.at, f", its target is {target_words(fact)}."
    elif last is not None:
        cause, at, after = "No success for", last, "."
    return Need(
        id=fact.job.id,
        name=fact.job.name,
        mark=LATE,
        since=fact.since,
        cause=cause,
        at=at,
        after=after,
        unharmed="The copy it has stays as it is." if fact.copy else "",
        hint="Look why it did not run or did not succeed.",
        deeds=(*deeds, _edit(fact)),
    )


def _edit(fact: Fact) -> Deed:
    return Deed(word="Edit", address=f"/jobs/{fact.job.id}/edit")


# What runs


def running_of(overviews: Sequence[JobOverview], count: int, load: Load) -> Running:
    """Return the jobs that run, of so many."""
    rows = tuple(_at_work(one) for one in overviews)
    return Running(
        rows=rows,
        slots=f"{load.busy:,} of {plural(load.slots, 'slot')}",
        more=f"All {count:,} that run" if count > len(rows) else "",
    )


def _at_work(overview: JobOverview) -> AtWork:
    return AtWork(
        id=overview.job.id,
        name=overview.job.name,
        icon=ICONS.get(overview.job.kind, "i-backup"),
        version=edition(overview),
        live=live_of(overview.latest_run) or {"p": "", "s": "", "r": "", "e": ""},
        actions=actions_on(overview),
    )


def worker_of(name: str, load: Load) -> WorkerRow:
    """Return the worker of this process."""
    busy = f"{load.busy:,} of {plural(load.slots, 'slot')}"
    if not load.slots:
        busy = "has no slot: it starts nothing"
    elif load.busy >= load.slots:
        busy = (
            f"full, {load.waiting:,} waiting" if load.waiting else f"all {plural(load.slots, 'slot')} at work"
        )
    return WorkerRow(name=name, aside=busy, pips=pips(load.busy, load.slots))


# How old copies are


def copies_of(picture: Picture, now: datetime) -> Copies:
    """Return the newest proved copies, those that have none or will be too old first in front."""
    rows = tuple(copy_row(fact, now) for fact in picture.copies)
    count = picture.count("copying")
    return Copies(
        copying=bool(count),
        rows=rows,
        aside="The mark is when it is too old" if any(row.bar.mark is not None for row in rows) else "",
        more=f"All {plural(count, 'dataset')}" if count > len(rows) else "",
    )


def copy_row(fact: Fact, now: datetime) -> CopyRow:
    """Return the newest proved copy of a job, or that it has none."""
    copy, target = fact.copy, fact.target
    age = (now - copy.at).total_seconds() if copy else None
    return CopyRow(
        id=fact.job.id,
        name=fact.job.name,
        about=_where(fact.job),
        bar=age_bar(age, target.total_seconds() if target else None, _age_words(fact)),
        at=copy.at if copy else None,
        is_old=fact.is_old,
        run=copy.run if copy else "",
        size=size(copy.bytes) if copy and copy.bytes is not None else "–",
        mode=MODES.get(copy.mode, "compared") if copy else "–",
    )


def _where(job: Job) -> str:
    place = job.options.get("destination")
    return f"to {place}" if place else about(job)


def _age_words(fact: Fact) -> str:
    if fact.copy is None:
        return f"{fact.job.name}: no verified copy"
    if (target := target_words(fact)) == "":
        return f"{fact.job.name}: nobody said how old its copy may become"
    return f"{fact.job.name}: {'past' if fact.is_old else 'within'} its target of {target}"


def target_words(fact: Fact) -> str:
    """Return how old the copy may become; nothing where nobody said."""
    return times.age(fact.target.total_seconds()) if fact.target else ""


def recent_of(picture: Picture) -> tuple[Recent, ...]:
    """Return the runs that ended last, the latest first."""
    return tuple(
        Recent(id=run.id, name=picture.names[run.job_id], mark=mark_of(run), at=run.ended_at, took=took(run))
        for run in picture.recent
        if run.ended_at is not None
    )
