"""What is done to many jobs, in words: before, meanwhile and afterwards."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from core.bulk import OPPOSITES, Refusal, Verb
from core.bulk_desk import Plan, Work
from core.models import Value
from fastapi_app.presenters.states import CHIPS
from fastapi_app.presenters.texts import plural

FIRST: Final = 10
FIRST_REFUSED: Final = 5
MOST_REASONS: Final = 20

WORDS: Final[Mapping[Verb, tuple[str, str]]] = {
    Verb.START: ("Start", "Started"),
    Verb.PAUSE: ("Pause", "Paused"),
    Verb.RESUME: ("Resume", "Resumed"),
    Verb.CANCEL: ("Cancel", "Cancelled the runs of"),
    Verb.REQUEUE: ("Run again", "Asked again for"),
    Verb.ENABLE: ("Switch on", "Switched on"),
    Verb.DISABLE: ("Switch off", "Switched off"),
    Verb.DELETE: ("Delete", "Deleting"),
    Verb.TAG: ("Tag", "Tagged"),
    Verb.UNTAG: ("Untag", "Took the tag from"),
    Verb.KEEP: ("Keep", "Kept"),
}
UNDONE_BY: Final[Mapping[Verb, str]] = {
    Verb.START: "For 30 seconds you can take it back: the runs are cancelled then.",
    Verb.REQUEUE: "For 30 seconds you can take it back: the runs are cancelled then.",
    Verb.DELETE: "For 30 seconds you can take it back. Then the jobs, their runs and their logs are gone; the copies "
    "they made stay.",
}
USUALLY: Final = "For 30 seconds you can take it back."
NEVER: Final = "This cannot be taken back."


class Reason(Value, frozen=True, kw_only=True):
    """Why it is not done to some: how many, the first of their names, and the reason of the first."""

    count: str
    message: str
    names: tuple[str, ...]
    more: int


class PlanView(Value, frozen=True, kw_only=True):
    """What the preview shows."""

    id: str
    title: str
    which: str
    button: str
    danger: bool
    names: tuple[str, ...]
    more: int
    unchanged: int
    refused: int
    reasons: tuple[Reason, ...]
    undo: str
    typed: str
    note: str
    back: str
    nothing: bool


class WorkView(Value, frozen=True, kw_only=True):
    """How far a work is, or what came of it."""

    id: str
    sentence: str
    over: bool
    seen: int
    total: int
    trouble: str
    reasons: tuple[Reason, ...]
    undo: bool
    back: str


def filter_in_words(text: str, state: str) -> str:
    """Return which jobs a filter means: "all that match “tag:photos” and are failing"."""
    parts = [f"match “{text}”"] if text else []
    word = next((word for name, word, _ in CHIPS if name == state), state)
    parts += [f"are “{word}”"] if state else []
    return "all that " + " and ".join(parts) if parts else "all there are"


def confirmed(plan: Plan, typed: str) -> bool:
    """Tell whether what has to be typed was typed; thousands may be set apart."""
    return not _to_type(plan) or typed.replace(",", "").strip() == _to_type(plan)


def _to_type(plan: Plan) -> str:
    return str(len(plan.will)) if plan.wish.verb is Verb.DELETE else ""


def plan_view(plan: Plan, names: Mapping[str, str], note: str = "") -> PlanView:
    """Return what the preview shows; `names` has those of the jobs that it names."""
    verb, count = plan.wish.verb, len(plan.will)
    tag = f" “{plan.wish.tag}”" if plan.wish.tag else ""
    return PlanView(
        id=plan.id,
        title=f"{WORDS[verb][0]}{tag}: {plural(count, 'job')}",
        which=f"{plural(len(plan.job_ids), 'job')} selected: {plan.words}.",
        button=f"{WORDS[verb][0]} {plural(count, 'job')}",
        danger=verb in {Verb.DELETE, Verb.CANCEL},
        names=tuple(names[one] for one in plan.will[:FIRST] if one in names),
        more=max(0, count - FIRST),
        unchanged=plan.unchanged,
        refused=len(plan.refused),
        reasons=reasons_of(plan.refused, names),
        undo=UNDONE_BY.get(verb, USUALLY if verb in OPPOSITES else NEVER),
        typed=f"{int(_to_type(plan)):,}" if _to_type(plan) and count else "",
        note=note,
        back=plan.back,
        nothing=not count,
    )


def reasons_of(refused: tuple[Refusal, ...], names: Mapping[str, str]) -> tuple[Reason, ...]:
    """Return the reasons, those of most jobs first; each told once."""
    alike: dict[tuple[str, str], list[str]] = {}
    for refusal in refused:
        alike.setdefault(_of_each(refusal, names), []).append(names.get(refusal.job_id, ""))
    counted = Counter({kind: len(called) for kind, called in alike.items()})
    found = []
    for kind, count in counted.most_common(MOST_REASONS):
        first = tuple(name for name in alike[kind] if name)[:FIRST_REFUSED]
        more = count - len(first) if first else 0  # nothing that is gone has a name to list
        found.append(Reason(count=f"{count:,}", message=kind[1], names=first, more=more))
    others = counted.total() - sum(counted[kind] for kind, _ in counted.most_common(MOST_REASONS))
    if others:
        found.append(Reason(count=f"{others:,}", message="For other reasons.", names=(), more=0))
    return tuple(found)


def _of_each(refusal: Refusal, names: Mapping[str, str]) -> tuple[str, str]:
    """Return what refusals for the same reason have in common: what was said, without the name that stands below it."""
    name = names.get(refusal.job_id, "")
    return refusal.code, refusal.message.replace(repr(name), "It", 1) if name else refusal.message


def result_sentence(work: Work) -> str:
    """Return what came of it: "Switched off 37 jobs."."""
    if work.takes_back:
        return f"Taken back for {len(work.changed):,} of {plural(work.total, 'job')}."
    verb = WORDS[work.plan.wish.verb][1]
    gone = "." if work.plan.wish.verb is not Verb.DELETE else ". Until that is done they can be kept."
    return (
        f"{verb} {plural(len(work.changed), 'job')}{gone}" if work.changed else "Nothing had to be changed."
    )


def work_view(work: Work, names: Mapping[str, str], now: datetime) -> WorkView:
    """Return how far it is."""
    over = work.over.is_set()
    return WorkView(
        id=work.id,
        sentence=result_sentence(work)
        if over
        else f"{'Taking back' if work.takes_back else WORDS[work.plan.wish.verb][0]}: under way",
        over=over,
        seen=work.seen,
        total=work.total,
        trouble=work.trouble,
        reasons=reasons_of(tuple(work.refused), names) if over else (),
        undo=over and not work.undone and work.until is not None and now <= work.until,
        back=work.plan.back,
    )
