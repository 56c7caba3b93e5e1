"""What a trial found, in words."""

from collections.abc import Mapping

from core.models import Value
from core.rehearsals import Rehearsal
from fastapi_app.presenters import sizes
from fastapi_app.presenters.progress import stage_sentence
from fastapi_app.presenters.states import Mark
from fastapi_app.presenters.texts import visible

SHOWN = 200
WORDS: Mapping[str, Mark] = {
    "waiting": Mark(st="waiting", icon="st-waiting", word="Waiting"),
    "at-work": Mark(st="running", icon="st-running", word="Looking"),
    "done": Mark(st="scheduled", icon="st-hollow", word="Tried, nothing written"),
    "failed": Mark(st="failed", icon="st-failed", word="Could not be tried"),
    "cancelled": Mark(st="cancelled", icon="st-cancelled", word="Cancelled"),
}


class Change(Value, frozen=True, kw_only=True):
    """One thing that a run would do."""

    what: str
    path: str


class TrialView(Value, frozen=True, kw_only=True):
    """A trial ready to show; `more` says how many changes are not listed."""

    id: str
    name: str
    job_id: str
    mark: Mark
    over: bool
    sentence: str
    changes: tuple[Change, ...] = ()
    more: str = ""
    warnings: tuple[str, ...] = ()
    hint: str = ""


def trial_view(one: Rehearsal) -> TrialView:
    """Return the trial ready to show."""
    listed = tuple(one.result.get("changes", ()))
    total = sum(_count(one.result, name) for name in ("new", "changed", "removed"))
    left = max(0, total - len(listed[:SHOWN]))
    return TrialView(
        id=one.id,
        name=one.name,
        job_id=one.job_id,
        mark=WORDS[one.state],
        over=one.over,
        sentence=_sentence(one),
        changes=tuple(Change(what=str(what), path=visible(str(path))) for what, path in listed[:SHOWN]),
        more=f"and {left:,} more" if left and listed else "",
        warnings=tuple(map(visible, one.warnings)),
        hint=visible(one.error.hint) if one.error else "",
    )


def _sentence(one: Rehearsal) -> str:
    if one.error is not None:
        return visible(one.error.message)
    if not one.over:
        return visible(stage_sentence(one.progress)) if one.state == "at-work" else "Waits for its turn."
    if one.state == "cancelled":
        return "It was cancelled before it knew."
    return visible(str(one.result.get("sentence") or counted(one.result)))


def counted(result: Mapping[str, object]) -> str:
    """Return what a run would do in numbers: "12 new, 3 changed, 0 removed, 1.2 GB to carry"."""
    counts = ", ".join(f"{_count(result, name):,} {name}" for name in ("new", "changed", "removed"))
    carried = _count(result, "bytes")
    return f"A run would do this: {counts}" + (f", {sizes.size(carried)} to carry." if carried else ".")


def _count(result: Mapping[str, object], name: str) -> int:
    value = result.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
