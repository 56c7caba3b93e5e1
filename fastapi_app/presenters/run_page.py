"""What a run's own page tells beside how it ended: the runs around it, what is usual, and what a failure calls for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from core.engines import ENGINES
from core.errors import InvalidOptions
from core.hiding import hidden
from core.models import Job, Run, Value
from core.packed import thawed
from core.spans import exact
from core.states import RunState
from core.usual import (
    SENSES,
    Measure,
    Measured,
    comparable,
    measured,
    usual_of,
)
from core.usual import in_words as usual_in_words
from core.versions import Version, in_words, same
from fastapi_app.presenters.proofs import newest_verified
from fastapi_app.presenters.states import is_verified
from fastapi_app.presenters.texts import plural
from fastapi_app.presenters.versions import changes_told, readable

MOST_CHANGES: Final = 8

NAMES: Final[Mapping[Measure, str]] = {
    Measure.SECONDS: "At work",
    Measure.SIZE: "Size",
    Measure.WRITTEN: "New data",
    Measure.FILES: "Files",
    Measure.COPIED: "Files copied",
    Measure.LINES: "Lines of log",
}
SEE: Final[Mapping[str, tuple[str, str]]] = {
    InvalidOptions.code: ("Edit the job", "/edit"),
}
"""Where the likeliest fix of a failure is not to try again."""


class Beside(Value, frozen=True, kw_only=True):
    """A measure of a run beside the runs before it."""

    name: str
    here: str
    usual: str
    unlike: str


class Changed(Value, frozen=True, kw_only=True):
    """Something that was changed about the job between two runs."""

    words: str
    by: str = ""
    at: datetime | None = None


class FailureView(Value, frozen=True, kw_only=True):
    """What a failure calls for: what it left alone, the likeliest fix first, and what was changed since all was well.

    `fix` is an address and a word where something else than trying again comes first.
    """

    unharmed: str
    stands: Run | None
    fix: tuple[str, str] | None
    again: bool
    since: Run | None
    changes: tuple[Changed, ...]
    more: str


def neighbours(run: Run, history: Sequence[Run]) -> tuple[Run | None, Run | None]:
    """Return the runs before and after a run; `history` has the newest first."""
    place = next((place for place, other in enumerate(history) if other.id == run.id), None)
    if place is None:
        return None, None
    before = history[place + 1] if place + 1 < len(history) else None
    return before, history[place - 1] if place else None


def besides(run: Run, past: Sequence[Measured], lines: int | None) -> tuple[Beside, ...]:
    """Return what the run took and moved, each beside what is usual; nothing for one that did not complete."""
    one = measured(run, lines)
    if one is None:
        return ()
    earlier = comparable(past, one.like, before=run.number)
    return tuple(_beside(measure, one.values[measure], earlier) for measure in NAMES if measure in one.values)


def _beside(measure: Measure, value: float, earlier: Sequence[Measured]) -> Beside:
    about = usual_of(measure, earlier)
    unlike = ""
    if about is not None and not about.low <= value <= about.high:
        unlike = "more than usual" if value > about.high else "less than usual"
    return Beside(
        name=NAMES[measure],
        here=SENSES[measure].told(value),
        usual=usual_in_words(measure, about) if about else "",
        unlike=unlike,
    )


def failure_view(
    run: Run, job: Job, history: Sequence[Run], versions: Sequence[Version], *, latest: bool
) -> FailureView | None:
    """Return what the failure of a run calls for; None for a run that did not fail."""
    if run.state != RunState.FAILED:
        return None
    engine = ENGINES.get(run.kind)
    since = next(
        (one for one in history if one.number < run.number and one.state == RunState.COMPLETED), None
    )
    changes = changes_since(since, run, versions) if since else ()
    place = SEE.get(run.error.code if run.error else "")
    return FailureView(
        unharmed=engine.harmless if engine else "",
        stands=newest_verified(job, history),
        fix=(f"/jobs/{job.id}{place[1]}", place[0]) if place else None,
        again=latest,
        since=since,
        changes=changes[:MOST_CHANGES],
        more=f"and {plural(len(changes) - MOST_CHANGES, 'change')} more"
        if len(changes) > MOST_CHANGES
        else "",
    )


def changes_since(since: Run, run: Run, versions: Sequence[Version]) -> tuple[Changed, ...]:
    """Return what was changed about the job between two of its runs, the newest first."""
    told = [
        Changed(words="; ".join(changes_told(older, version)), by=version.by, at=version.at)
        for older, version in zip(versions[1:], versions, strict=False)
        if since.created_at < version.at <= run.created_at and version.changes
    ]
    if told:
        return tuple(told)
    return tuple(Changed(words=words) for words in _options_between(since, run))


def _options_between(since: Run, run: Run) -> list[str]:
    """Return what two runs were told otherwise, where nobody kept who changed it."""
    before, after = _told(since), _told(run)
    names = sorted(before.keys() | after.keys())
    return [
        readable(f"{name} {in_words(before.get(name))} -> {in_words(after.get(name))}", run.kind)
        for name in names
        if not same(before.get(name), after.get(name))
    ]


def _told(run: Run) -> dict[str, Any]:
    options: dict[str, Any] = thawed(hidden(run.options))
    return {"kind": run.kind} | options


def facts_of(run: Run) -> tuple[tuple[str, str | datetime], ...]:
    """Return what is known of the run for whoever wants to look closely."""
    waited = (run.started_at - run.created_at).total_seconds() if run.started_at else 0.0
    facts: list[tuple[str, str | datetime]] = [("Asked for", run.created_at)]
    if run.slot_at:
        facts.append(("Due", run.slot_at))
    if run.started_at:
        facts += [
            ("Began", run.started_at),
            ("Waited before", exact(round(waited, 1)) if waited >= 1 else "under 1 s"),
        ]
    if run.ended_at:
        facts.append(("Ended", run.ended_at))
    facts.append(("Worker", run.attempts[-1].worker if run.attempts else "none yet"))
    if run.over:
        facts.append(("Proved", "Yes" if is_verified(run) else "No"))
    facts += [("Priority", run.priority.capitalize()), ("Run's id", run.id)]
    return tuple(facts)
