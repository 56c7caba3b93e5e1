"""What Holdfast keeps, as its page shows it: how much, how safe, how long, and what is wrong with it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from core.holdings import Holdings, OwnBackup, Part, Problem, PutAside, Room
from core.models import Value
from core.retention import Keeping
from core.settings import Settings
from fastapi_app.presenters import sizes, times
from fastapi_app.presenters.runs import Figure
from fastapi_app.presenters.texts import plural

MOST_PROBLEMS: Final = 100
MOST_ASIDE: Final = 20
OLD: Final = timedelta(days=3)
OFF: Final = "off"
MEGABYTE: Final = 1_000_000
A_DAY: Final = timedelta(days=1)

WORDS: Final[Mapping[Part, tuple[str, str]]] = {
    Part.DEFINITIONS: ("Definitions", "jobs/: one file a job, which you can edit and keep in git"),
    Part.JOURNAL: ("Journal", "state/: every change, on disk before it is acknowledged"),
    Part.SNAPSHOT: ("Snapshot", "state/: all jobs as of the last checkpoint, twice, for a fast start"),
    Part.OLDER_RUNS: ("Older runs", "runs/: the history of each job"),
    Part.LOGS: ("Logs", "logs/: what each run said"),
    Part.WORKSPACES: ("Manifests", "work/: the digests of each copy, and what runs need to go on"),
    Part.OWN_BACKUPS: ("Own backups", "backups/: all of this, packed"),
    Part.ARCHIVED_JOURNAL: ("Earlier journal", "backups/segments/: the way back to any moment"),
    Part.FORMER_TEXTS: ("Earlier definitions", "backups/definitions/: the last texts of each job"),
    Part.EVENTS: ("Events", "events/: what happened, a line each, kept for a while"),
    Part.AUDIT: ("Audit", "audit/: who asked for what, kept for good"),
    Part.QUARANTINE: ("Put aside", "quarantine/: what could not be read, or was discarded"),
    Part.REST: ("The rest", "accounts, locks and the like"),
}


class PartRow(Value, frozen=True, kw_only=True):
    """One part of the data folder."""

    name: str
    about: str
    files: str
    size: str
    share: int


class ProblemRow(Value, frozen=True, kw_only=True):
    """Something that could not be read, and where to look."""

    word: str
    place: str
    message: str
    kept: str
    job_id: str
    job: str
    key: str


class AsideRow(Value, frozen=True, kw_only=True):
    """Something in quarantine."""

    name: str
    size: str
    at: datetime


class StoreView(Value, frozen=True, kw_only=True):
    """Everything the page shows."""

    sentence: str
    warnings: tuple[str, ...]
    figures: tuple[Figure, ...]
    parts: tuple[PartRow, ...]
    unweighed: bool
    backup: OwnBackup | None
    backup_good: bool
    backup_size: str
    backs_up: bool
    checkpoint_at: datetime | None
    earliest: datetime | None
    keeping: tuple[tuple[str, str], ...]
    outlook: str
    problems: tuple[ProblemRow, ...]
    more_problems: int
    aside: tuple[AsideRow, ...]
    more_aside: int
    at: datetime


def store_view(
    holdings: Holdings,
    problems: Sequence[Problem],
    mistakes: Mapping[str, Problem],
    names: Mapping[str, str],
    aside: Sequence[PutAside],
    troubles: Sequence[str],
    settings: Settings,
) -> StoreView:
    """Return the page.

    Of the problems, `mistakes` are those that a person made in a definition, by the id of the job or the path
    of a file that has none; `names` has what the jobs with problems are called, by their id.
    """
    backup = holdings.reach.backup
    keys = {problem: key for key, problem in mistakes.items()}
    return StoreView(
        sentence=sentence_of(holdings),
        warnings=tuple(warnings_of(holdings, troubles)),
        figures=figures_of(holdings),
        parts=tuple(parts_of(holdings)),
        unweighed=not holdings.whole,
        backup=backup,
        backup_good=backup is not None and backup.verified_at is not None and not is_old(backup, holdings.at),
        backup_size=sizes.size(backup.bytes) if backup else "",
        checkpoint_at=holdings.checkpoint_at,
        earliest=holdings.reach.earliest,
        keeping=(*keeping_in_words(holdings.keeping), ("Own backups", backups_in_words(settings))),
        backs_up=settings.own_backup != OFF,
        outlook=outlook_of(holdings),
        problems=tuple(
            _problem(problem, keys.get(problem, ""), names) for problem in problems[:MOST_PROBLEMS]
        ),
        more_problems=len(problems[MOST_PROBLEMS:]),
        aside=tuple(
            AsideRow(name=kept.name, size=sizes.size(kept.bytes), at=kept.at) for kept in aside[:MOST_ASIDE]
        ),
        more_aside=len(aside[MOST_ASIDE:]),
        at=holdings.at,
    )


def sentence_of(holdings: Holdings) -> str:
    """Return what a person would say first."""
    runs = plural(holdings.runs + holdings.older_runs, "run")
    return f"{plural(holdings.jobs, 'job')} and {runs}, in {sizes.size(holdings.bytes)}."


def warnings_of(holdings: Holdings, troubles: Sequence[str]) -> Iterable[str]:
    """Give what somebody should see to, in sentences."""
    if holdings.room is not None and holdings.room.short:
        yield f"{room_left(holdings.room)} Make room before changes cannot be kept any more."
    backup = holdings.reach.backup
    if backup is not None and is_old(backup, holdings.at):
        yield f"The newest backup of Holdfast's own state is {times.age((holdings.at - backup.made_at).total_seconds())} old."
    yield from troubles


def room_left(room: Room) -> str:
    """Return how much room there is: "Only 48 MB of 252 GB are free on the disk"."""
    if not room.free:
        return f"Nothing of {sizes.size(room.total)} is free on the disk."
    return f"Only {sizes.size(room.free)} of {sizes.size(room.total)} are free on the disk."


def is_old(backup: OwnBackup, now: datetime) -> bool:
    """Tell whether a newer backup should have been made by now."""
    return now - backup.made_at > OLD


def figures_of(holdings: Holdings) -> tuple[Figure, ...]:
    """Return up to four figures."""
    number, unit = sizes.size_parts(holdings.bytes)
    runs = holdings.runs + holdings.older_runs
    figures = [
        Figure(name="Jobs", number=f"{holdings.jobs:,}"),
        Figure(
            name="Runs",
            number=f"{runs:,}",
            aside=f"{holdings.older_runs:,} of them older" if holdings.older_runs else "",
        ),
        Figure(name="Takes", number=number, unit=unit, aside=growth_of(holdings)),
    ]
    if holdings.room is not None:
        free, free_unit = sizes.size_parts(holdings.room.free)
        share = round(100 * holdings.room.free / max(holdings.room.total, 1))
        aside = f"{share} % of {sizes.size(holdings.room.total)}"
        figures.append(Figure(name="Free on the disk", number=free, unit=free_unit, aside=aside))
    return tuple(figures)


def growth_of(holdings: Holdings) -> str:
    """Return how much more it is than on the first day that was kept; nothing within a day of that."""
    first = holdings.first
    if first is None or holdings.at - first.at < A_DAY:
        return ""
    grown = holdings.bytes - first.bytes
    how = f"{sizes.size(abs(grown))} {'more' if grown >= 0 else 'less'}"
    return f"{how} than {times.ago(first.at, holdings.at)}"


def parts_of(holdings: Holdings) -> Iterable[PartRow]:
    """Give the parts that there are, the largest first."""
    for part, amount in sorted(holdings.parts.items(), key=lambda item: -item[1].bytes):
        if amount.files:
            name, about = WORDS[part]
            share = round(100 * amount.bytes / max(holdings.bytes, 1))
            size = sizes.size(amount.bytes)
            yield PartRow(name=name, about=about, files=f"{amount.files:,}", size=size, share=share)


def keeping_in_words(keeping: Keeping) -> tuple[tuple[str, str], ...]:
    """Return how long things are kept."""
    runs = (
        f"The newest {keeping.runs:,} of each job, and all that are not older than {_days(keeping.runs_for)}"
    )
    logs = f"Not older than {_days(keeping.logs_for)}, together up to {sizes.size(keeping.log_bytes)}"
    return (
        ("Runs", runs),
        ("Always", "The latest run of a job, its newest verified one, and all that are not over"),
        ("Logs", logs),
        ("Deleted jobs", "The last texts of their definitions, for 30 days"),
    )


def backups_in_words(settings: Settings) -> str:
    """Return how many backups of Holdfast's own state are kept."""
    if settings.own_backup == OFF:
        return "Not made by themselves: HOLDFAST_OWN_BACKUP is off"
    return f"One a day for a week, one a week for a month, together up to {sizes.size(settings.own_backup_mb * MEGABYTE)}"


def done_in_words(did: str, freed: int) -> str:
    """Return what was done a moment ago; nothing where nothing was."""
    if did == "backup":
        return "Backed up, read back and found whole."
    if did == "compact":
        return f"Compacted: {sizes.size(freed)} are free again."
    return ""


def _days(span: timedelta) -> str:
    return plural(span.days, "day")


def outlook_of(holdings: Holdings) -> str:
    """Return what the next round of tidying will take."""
    outlook = holdings.outlook
    parts = []
    if outlook.runs:
        parts.append(f"{'' if outlook.whole else 'more than '}{plural(outlook.runs, 'run')}")
    if outlook.logs:
        parts.append(f"{plural(outlook.logs, 'log')} ({sizes.size(outlook.log_bytes)})")
    if not parts:
        return "Nothing has been kept long enough to go."
    return f"The next round, at most a day from now, lets go of {' and '.join(parts)}."


def _problem(problem: Problem, key: str, names: Mapping[str, str]) -> ProblemRow:
    job_id = problem.job_id if problem.job_id in names else None
    return ProblemRow(
        word="Mistake" if key else "Problem",
        place=place_of(problem),
        message=problem.message,
        kept=problem.kept or "",
        job_id=job_id or "",
        job=names[job_id] if job_id else "",
        key=key if not job_id else "",
    )


def place_of(problem: Problem) -> str:
    """Return where the problem is: "jobs/3f/photos-3f2a1b4c.yaml, line 7, column 3"."""
    line = f", line {problem.line:,}" if problem.line is not None else ""
    column = f", column {problem.column:,}" if problem.line is not None and problem.column is not None else ""
    return f"{problem.path}{line}{column}"
