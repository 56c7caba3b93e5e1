"""The dashboard as it is shown: what a person would say first, the numbers after."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from core.engines import ENGINES
from core.models import JobOverview, Run, Value
from core.states import AT_WORK, RunState
from fastapi_app.presenters import sizes, times
from fastapi_app.presenters.jobs import JobRow, about, row_of, took
from fastapi_app.presenters.notifications import LATE
from fastapi_app.presenters.proofs import can_prove, newest_verified, proof_of
from fastapi_app.presenters.runs import Figure, failure_of
from fastapi_app.presenters.states import CHIPS, Mark, asks, is_about, is_verified, mark_of
from fastapi_app.presenters.texts import plural
from fastapi_app.presenters.tide import Tide, tide_of

MOST_JOBS: Final = 100
"""Of how many jobs, those that ran last, the dashboard looks at the history."""

MOST_NEEDS: Final = 5
MOST_RUNNING: Final = 20
MOST_COPIES: Final = 10
MOST_RECENT: Final = 6
A_DAY: Final = timedelta(hours=24)

History = tuple[JobOverview, Sequence[Run]]


class Need(Value, frozen=True, kw_only=True):
    """A job that waits for a person: why, what was not harmed, and the likely fix; one that `asks` wants an answer."""

    id: str
    run: str
    name: str
    mark: Mark
    cause: str
    unharmed: str
    hint: str
    verb: str
    address: str
    asks: bool = False


class Copy(Value, frozen=True, kw_only=True):
    """A job's newest verified copy."""

    id: str
    name: str
    about: str
    tide: Tide
    at: datetime | None
    files: str
    size: str


class Recent(Value, frozen=True, kw_only=True):
    """A run that ended lately."""

    id: str
    name: str
    mark: Mark
    at: datetime
    took: str


class Dashboard(Value, frozen=True, kw_only=True):
    """Everything the page shows."""

    sentence: str
    aside: str
    welcome: bool
    needs: tuple[Need, ...]
    needs_count: str
    needs_more: bool
    copying: bool
    """Whether any job makes copies; if none does, nothing is said of them."""
    figures: tuple[Figure, ...]
    running: tuple[JobRow, ...]
    copies: tuple[Copy, ...]
    recent: tuple[Recent, ...]


def dashboard_of(
    jobs: Sequence[JobOverview],
    histories: Sequence[History],
    counts: Mapping[str, int],
    runs: Iterable[Run],
    now: datetime,
    late: Mapping[str, str] = MappingProxyType({}),
) -> Dashboard:
    """Return the dashboard of all jobs, those that ran last first; some of them with their runs.

    `late` says in words, by their ids, which jobs should have succeeded and did not.
    """
    lately = [run for run in runs if run.ended_at and now - run.ended_at < A_DAY]
    failed = [overview for overview in reversed(jobs) if needs_someone(overview) or overview.job.id in late]
    running = [overview for overview in jobs if is_at_work(overview)]
    copies = sorted(
        (
            copy_of(overview, history)
            for overview, history in histories
            if history and can_prove(overview.job.kind)
        ),
        key=lambda copy: copy.at.timestamp() if copy.at else 0.0,
    )
    copying = any(can_prove(overview.job.kind) for overview in jobs)
    return Dashboard(
        sentence=sentence_of(jobs, late),
        aside=aside_of(counts, lately),
        welcome=not jobs,
        needs=tuple(need_of(overview, late.get(overview.job.id, "")) for overview in failed[:MOST_NEEDS]),
        needs_count=needs_count(len(failed)),
        needs_more=len(failed) > MOST_NEEDS,
        copying=copying,
        figures=figures_of(lately, copies, now) if copying else (),
        running=tuple(row_of(overview) for overview in running[:MOST_RUNNING]),
        copies=tuple(copies[:MOST_COPIES]),
        recent=tuple(_recent(histories)),
    )


def is_at_work(overview: JobOverview) -> bool:
    """Tell whether an engine works on the job now."""
    return overview.latest_run is not None and overview.latest_run.state in AT_WORK


def needs_someone(overview: JobOverview) -> bool:
    """Tell whether the job waits for a person: its latest run failed, or asks something."""
    run = overview.latest_run
    return run is not None and (run.state == RunState.FAILED or asks(run))


def sentence_of(jobs: Sequence[JobOverview], late: Collection[str] = ()) -> str:
    """Return what a person would say first; `late` are the ids of jobs that should have succeeded and did not."""
    copying = [overview for overview in jobs if can_prove(overview.job.kind)]
    latest = [overview.latest_run for overview in copying if overview.latest_run]
    ended = [run for run in latest if run.over]
    failed = sum(run.state == RunState.FAILED for run in ended)
    good = sum(is_proven(overview) for overview in copying)
    never = sum(overview.latest_run is None for overview in jobs)
    unproved = len(ended) - failed - good
    needing = sum(needs_someone(overview) or overview.job.id in late for overview in jobs)
    others = len(copying) < len(jobs)
    if needing:
        proven = (
            "Every other copy that was made is verified."
            if others
            else "Everything else that ran has a verified copy."
        )
        return (
            f"{plural(needing, 'job needs', 'jobs need')} you.{f' {proven}' if good and not unproved else ''}"
        )
    if jobs and not copying:
        return _of_commands(jobs)
    if not good:
        return "Nothing is protected yet."
    if unproved:
        return f"{plural(unproved, 'job has', 'jobs have')} no verified copy from the latest run."
    proven = "Every copy that was made is verified." if others else "Everything that ran has a verified copy."
    return f"{plural(never, 'job has', 'jobs have')} never run. {proven}" if never else proven


def _of_commands(jobs: Sequence[JobOverview]) -> str:
    """Return what a person would say first where no job makes copies and none needs anybody."""
    if not any(overview.latest_run for overview in jobs):
        return "Nothing has run yet."
    return "No job needs you."


def is_proven(overview: JobOverview) -> bool:
    """Tell whether the job's latest run proved the copy that the job keeps today."""
    run = overview.latest_run
    return run is not None and is_verified(run) and is_about(run, overview.job)


def needs_count(failed: int) -> str:
    """Return how many jobs need somebody, and that only some of them are shown."""
    if failed > MOST_NEEDS:
        return f"the oldest {MOST_NEEDS} of {plural(failed, 'job')}"
    return f"{plural(failed, 'job')}, oldest first" if failed > 1 else plural(failed, "job")


def aside_of(counts: Mapping[str, int], lately: Sequence[Run]) -> str:
    """Return the numbers behind the sentence."""
    groups = {name: sum(counts.get(state, 0) for state in states) for name, _, states in CHIPS}
    parts = [f"{groups['running']:,} running, {groups['waiting']:,} waiting."]
    if lately:
        failed = sum(run.state == RunState.FAILED for run in lately)
        ended = f"{plural(len(lately), 'run')} ended in the last 24 hours"
        parts.append(f"{ended}, {failed:,} failed." if failed else f"{ended}.")
    return " ".join(parts)


def need_of(overview: JobOverview, late: str = "") -> Need:
    """Return why the job waits for a person: its latest run failed, or it is late, in these words."""
    run = overview.latest_run
    if late and not needs_someone(overview):
        return _late_need(overview, late)
    if run and asks(run):
        return _question_need(overview, run)
    failure = failure_of(run) if run else None
    engine = ENGINES.get(run.kind) if run else None
    return Need(
        id=overview.job.id,
        run=run.id if run else "",
        name=overview.job.name,
        mark=mark_of(run),
        cause=failure.message if failure else "The latest run failed.",
        unharmed=engine.harmless if engine else "",
        hint=failure.hint if failure else "",
        verb="Try again",
        address=f"/jobs/{overview.job.id}/start",
    )


def _begun(words: str) -> str:
    """Return the words as a sentence begins."""
    return words[:1].upper() + words[1:]


def _question_need(overview: JobOverview, run: Run) -> Need:
    return Need(
        id=overview.job.id,
        run=run.id,
        name=overview.job.name,
        mark=mark_of(run),
        cause=run.reason,
        unharmed="Nothing goes on until somebody answers.",
        hint="",
        verb="",
        address="",
        asks=True,
    )


def _late_need(overview: JobOverview, late: str) -> Need:
    run = overview.latest_run
    startable = run is None or run.over
    return Need(
        id=overview.job.id,
        run=run.id if run else "",
        name=overview.job.name,
        mark=LATE,
        cause=_begun(late.removeprefix("Late: ")),
        unharmed="",
        hint="Look why it did not run or did not succeed.",
        verb="Start" if startable else "",
        address=f"/jobs/{overview.job.id}/start",
    )


def figures_of(lately: Sequence[Run], copies: Sequence[Copy], now: datetime) -> tuple[Figure, ...]:
    """Return up to four figures."""
    copied = [run for run in lately if can_prove(run.kind)]
    moved = sum(proof_of(run).copied_bytes or 0 for run in copied)
    verified = [run for run in copied if is_verified(run)]
    read_back = sum(proof_of(run).files or 0 for run in verified)
    number, unit = sizes.size_parts(moved)
    dated = [copy for copy in copies if copy.at is not None]
    figures = [
        Figure(name="Data copied, 24 h", number=number, unit=unit, aside=plural(len(copied), "run")),
        Figure(
            name="Verified runs, 24 h",
            number=f"{len(verified):,}",
            unit=f"of {len(copied):,}",
            aside=f"{plural(read_back, 'file')} proved",
        ),
    ]
    if dated:
        figures.append(_age_figure("Newest verified copy", dated[-1], now))
    if len(dated) > 1:
        figures.append(_age_figure("Oldest verified copy", dated[0], now))
    return tuple(figures)


def _age_figure(name: str, copy: Copy, now: datetime) -> Figure:
    said = times.ago(copy.at, now) if copy.at else ""
    return Figure(
        name=name,
        number=said.removesuffix(" ago"),
        unit="ago" if said.endswith(" ago") else "",
        aside=copy.name,
    )


def copy_of(overview: JobOverview, history: Sequence[Run]) -> Copy:
    """Return the job's newest verified copy, or that it has none."""
    run = newest_verified(overview.job, history)
    proof = proof_of(run) if run else None
    return Copy(
        id=overview.job.id,
        name=overview.job.name,
        about=about(overview.job),
        tide=tide_of(history),
        at=run.ended_at if run else None,
        files=f"{proof.files:,}" if proof and proof.files is not None else "–",
        size=sizes.size(proof.bytes) if proof and proof.bytes is not None else "–",
    )


def _recent(histories: Sequence[History]) -> Iterable[Recent]:
    ended = [
        (run.ended_at, run, overview)
        for overview, history in histories
        for run in history[:3]
        if run.ended_at
    ]
    ended.sort(key=lambda item: item[0], reverse=True)
    for at, run, overview in ended[:MOST_RECENT]:
        yield Recent(id=run.id, name=overview.job.name, mark=mark_of(run), at=at, took=took(run))
