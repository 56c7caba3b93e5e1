"""The form of a job, made from what its kind says about its options."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from core.drafts import JobDraft
from core.engines import ENGINES
from core.models import NOTHING, OnInterrupt, Priority, Value
from core.timetable import Preview
from core.work import Fact
from fastapi_app.presenters.fields import Field
from fastapi_app.presenters.option_fields import OPTIONS, entered_options, fields_of
from fastapi_app.presenters.parents import Offer
from fastapi_app.presenters.presets import RHYTHMS, Preset, Rhythm
from fastapi_app.presenters.schedule_fields import (
    DueShown,
    due_fields,
    due_shown,
    more_fields,
    read_schedule,
)
from fastapi_app.presenters.term_fields import read_terms, term_fields
from fastapi_app.presenters.texts import Exactly, plural

DUE: Final = "When it runs"
USUAL: Final = JobDraft(name="", kind="")
"""A job that nobody said anything about."""
TITLES: Final[Mapping[str, str]] = {
    "what": "What",
    "more": "What is left out, and how fast",
    "kept": "What is kept of each file",
    "mirror": "What the source no longer has",
    "delete": "The source afterwards",
    "guards": "If something looks wrong",
    "steps": "Before and after the copy",
}
"""What people read over a group of options; others are called what their kind calls them."""
AFTERWARDS: Final = ("mirror", "delete", "guards", "steps")
"""Groups that stand below when a job runs: most people have read enough by then."""
NOTES: Final[Mapping[str, str]] = {
    "delete": "This takes files away from the source. Only those go that the run copied, read back from the "
    "destination and found equal, still unchanged at that moment. It needs the full proof.",
}
"""What is said with the fields that a box opens."""
FINER_POINTS: Final = frozenset(
    {
        "Environment",
        "How it ends",
        "What it says",
        "Limits",
        TITLES["more"],
        TITLES["kept"],
        TITLES["guards"],
        TITLES["steps"],
    }
)
"""Groups of options that stand folded while nothing in them is said."""

NEEDED: Final = "This is needed."
MOST_UNFIXED: Final = 6
"""How many fields are named that cannot stay as they are."""

KIND_ICONS: Final[Mapping[str, str]] = {
    "copy": "i-files",
    "rsync": "i-mirror",
    "rclone": "i-cloud",
    "restic": "i-backup",
    "several": "i-several",
    "watch": "i-eye",
    "command": "i-command",
    "shell": "i-script",
}
Chosen = TypeVar("Chosen", bound=StrEnum)

PRIORITIES: Final = (
    (Priority.LOW, "Low: after everything else"),
    (Priority.NORMAL, "Normal"),
    (Priority.HIGH, "High: before normal ones"),
    (Priority.CRITICAL, "Critical: before everything"),
)
INTERRUPTED: Final = (
    (OnInterrupt.RESUME, "Goes on by itself, if it may be run again"),
    (OnInterrupt.PAUSE, "Stays paused until someone resumes it"),
    (OnInterrupt.FAIL, "Counts as failed"),
)


class Batch(Value, frozen=True, kw_only=True):
    """Fields in a row; those that one box opens stand in one panel right under it, which opens and closes with it."""

    fields: tuple[Field, ...]
    opened_by: tuple[str, str] | None = None


class Group(Value, frozen=True, kw_only=True):
    """Fields that belong together; a `folded` one shows them when somebody asks, `opened` says that it does.

    The next due times stand below the one that `shows_due`; `note` is said with the fields that a box opens.
    """

    title: str
    fields: tuple[Field, ...]
    folded: bool = False
    opened: bool = False
    shows_due: bool = False
    note: str = ""

    @property
    def batches(self) -> tuple[Batch, ...]:
        """Return the fields in rows, each of those that a box opens with the box's name."""
        boxes = {field.name for field in self.fields if field.widget == "toggle"}

        def box_of(field: Field) -> tuple[str, str] | None:
            return field.shown_if if field.shown_if and field.shown_if[0] in boxes else None

        rows = groupby(self.fields, box_of)
        return tuple(Batch(fields=tuple(fields), opened_by=box) for box, fields in rows)


class KindCard(Value, frozen=True, kw_only=True):
    """A kind of job to choose."""

    name: str
    label: str
    summary: str
    icon: str = "i-backup"


class Unfixed(Value, frozen=True, kw_only=True):
    """A field that cannot stay as it is: its id, and what it is called."""

    id: str
    label: str


class Compared(Value, frozen=True, kw_only=True):
    """One setting in two versions of a job, in words; empty is nothing."""

    label: str
    mine: str
    theirs: str


class Conflict(Value, frozen=True, kw_only=True):
    """Two versions of a job side by side: what was typed, and what somebody else saved meanwhile."""

    mine: int
    theirs: int
    saved_at: datetime
    by_hand: bool
    differing: tuple[Compared, ...]
    alike: tuple[Compared, ...]


class JobForm(Value, frozen=True, kw_only=True):
    """Everything the form's page shows."""

    kind: str
    kinds: tuple[KindCard, ...]
    groups: tuple[Group, ...]
    plan: tuple[str, ...] = ()
    plan_missing: str = ""
    to_fix: str = ""
    unfixed: tuple[Unfixed, ...] = ()
    more_to_fix: str = ""
    title: str = "New job"
    lead: str = "Start from what you want done. You can change every field later."
    address: str = "/jobs/new"
    draft: str = "new"
    presets: tuple[Preset, ...] = ()
    preset: str = ""
    posted: bool = False
    job_id: str = ""
    job_name: str = ""
    version: int = 0
    notice: str = ""
    notice_hint: str = ""
    conflict: Conflict | None = None
    offers: tuple[Offer, ...] = ()
    due: DueShown | None = None
    can_try: bool = False
    tags: tuple[str, ...] = ()
    rhythms: tuple[Rhythm, ...] = ()
    model: str = ""


class Checked(Value, frozen=True, kw_only=True):
    """What is known about what stands in the form."""

    problems: Mapping[str, str] = {}
    facts: tuple[Fact, ...] = ()
    plan: tuple[str, ...] = ()
    due: Preview | None = None


class Entered(Value, frozen=True, kw_only=True):
    """What a form says: a draft, what of it cannot be read, and how that stood there.

    What the draft comes after is still as it was written: names or ids.
    """

    draft: JobDraft
    typed: Mapping[str, str] = {}
    problems: Mapping[str, str] = {}


def kind_cards() -> tuple[KindCard, ...]:
    """Return every kind of job there is."""
    return tuple(
        KindCard(name=kind, label=engine.label, summary=engine.summary, icon=KIND_ICONS.get(kind, "i-backup"))
        for kind, engine in ENGINES.items()
    )


def entered(values: Mapping[str, Any], kind: str) -> Entered:
    """Return what a form's fields say; what is wrong with what it says, checking tells."""
    terms, when = read_terms(values), read_schedule(values)
    draft = JobDraft(
        name=str(values.get("name", "")),
        kind=kind,
        options=entered_options(values, ENGINES[kind]),
        priority=_one_of(Priority, values.get("priority"), Priority.NORMAL),
        on_interrupt=_one_of(OnInterrupt, values.get("on_interrupt"), OnInterrupt.RESUME),
        tags=tuple(tag.strip() for tag in str(values.get("tags", "")).split(",") if tag.strip()),
        schedule=when.schedule,
        **terms.fields,
    )
    return Entered(
        draft=draft,
        typed={**terms.typed, **when.typed},
        problems={**terms.problems, **when.problems},
    )


def _one_of(words: type[Chosen], value: object, otherwise: Chosen) -> Chosen:
    return next((word for word in words if word == value), otherwise)


def own_fields(draft: JobDraft) -> tuple[tuple[Field, ...], tuple[Field, ...]]:
    """Return the fields that every job has: those that come first, and those at the end."""
    first = (
        Field(id="name", name="name", label="Name", value=Exactly(draft.name), help="What you call it"),
        Field(
            id="tags",
            name="tags",
            label="Tags",
            value=Exactly(", ".join(draft.tags)),
            help="Words to find it by, with commas between them",
        ),
    )
    last = (
        Field(
            id="on-interrupt",
            name="on_interrupt",
            label="If Holdfast stops while it runs",
            widget="choice",
            choices=_texts(INTERRUPTED),
            value=str(draft.on_interrupt),
        ),
        Field(
            id="priority",
            name="priority",
            label="When slots are short",
            widget="choice",
            choices=_texts(PRIORITIES),
            value=str(draft.priority),
        ),
    )
    return first, last


def _texts(pairs: Sequence[tuple[Any, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((str(value), words) for value, words in pairs)


def job_form(  # what stands in it, and what is known of that
    draft: JobDraft,
    checked: Checked,
    /,
    *,
    strict: bool = False,
    typed: Mapping[str, str] = NOTHING,
    **about: Any,  # noqa: ANN401 - fields of JobForm
) -> JobForm:
    """Return the form with what stands in it and what is true of it; `typed` is what cannot be read.

    Fields that are still empty are only called wrong when `strict`: after sending.
    """
    first, last = own_fields(draft)
    usual = {field.name: field.value for fields in _folded(USUAL, {}).values() for field in fields}
    usual |= {field.name: field.value for _, field in fields_of(ENGINES[draft.kind], {})}
    folded = _folded(draft, typed)
    grouped = _grouped(draft, first, due_fields(draft, typed))
    grouped |= {title: [*fields] for title, fields in folded.items()}
    grouped["If something comes between"] = [*last]
    known = {
        title: [_known(field, checked, strict=strict) for field in fields]
        for title, fields in grouped.items()
    }
    wrong = [field for fields in known.values() for field in fields if field.wrong]
    first_wrong = wrong[0].id if wrong and strict else ""
    return JobForm(
        kind=draft.kind,
        kinds=kind_cards(),
        groups=tuple(
            Group(
                title=title,
                fields=tuple(replace(field, focus=field.id == first_wrong) for field in fields),
                folded=title in folded or title in FINER_POINTS,
                shows_due=title == DUE,
                note=next((note for name, note in NOTES.items() if TITLES[name] == title), ""),
                opened=any(field.wrong or field.value != usual.get(field.name) for field in fields),
            )
            for title, fields in known.items()
        ),
        plan=checked.plan,
        plan_missing="Fill in the fields, and it is told here in sentences.",
        to_fix=f"{plural(len(wrong), 'field')} to fix first" if wrong else "",
        unfixed=tuple(Unfixed(id=field.id, label=field.label) for field in wrong[:MOST_UNFIXED]),
        more_to_fix=f"and {len(wrong) - MOST_UNFIXED:,} more" if len(wrong) > MOST_UNFIXED else "",
        can_try=ENGINES[draft.kind].can_rehearse,
        rhythms=RHYTHMS,
        due=due_shown(draft.schedule, checked.due) if draft.schedule and checked.due else None,
        **about,
    )


def _grouped(draft: JobDraft, first: Iterable[Field], due: Iterable[Field]) -> dict[str, list[Field]]:
    """Return the fields by the titles of their groups, in the order in which a person is asked."""
    early: dict[str, list[Field]] = {"What": [*first]}
    late: dict[str, list[Field]] = {TITLES[group]: [] for group in AFTERWARDS}
    for group, field in fields_of(ENGINES[draft.kind], draft.options):
        place = late if group in AFTERWARDS else early
        place.setdefault(TITLES.get(group) or group.capitalize() or "What", []).append(field)
    return early | {DUE: [*due]} | {title: fields for title, fields in late.items() if fields}


def _folded(draft: JobDraft, typed: Mapping[str, str]) -> dict[str, tuple[Field, ...]]:
    return {"If a due time is missed or meets another run": more_fields(draft, typed)} | term_fields(
        draft, typed
    )


def _known(field: Field, checked: Checked, *, strict: bool) -> Field:
    """Return the field with what is known about it."""
    if not strict and field.value == "":
        return field
    if problem := _problem_of(field.name, checked.problems):
        nothing = field.value == "" and field.name.startswith(OPTIONS)
        return replace(field, truth=NEEDED if nothing else problem, good=False)
    names = {field.name, field.name.removeprefix(OPTIONS)}
    fact = next((fact for fact in checked.facts if fact.field in names), None)
    return replace(field, truth=fact.text, good=fact.good) if fact else field


def _problem_of(name: str, problems: Mapping[str, str]) -> str:
    """Return what is wrong with a field or with a part of it, one of its patterns for example."""
    return next(
        (text for place, text in problems.items() if place == name or place.startswith(f"{name}.")), ""
    )
