"""What people enter for a job, checked before it becomes one."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from core import schedules, terms
from core.acting import actor
from core.engines.base import Engine, EngineMaker
from core.errors import InvalidOptions, NotFound, Refused
from core.hiding import restored
from core.models import (
    NOTHING,
    ONCE,
    AfterFailed,
    AfterWhen,
    Expectation,
    Job,
    OnInterrupt,
    Priority,
    Retry,
    Schedule,
    Value,
    frozen,
)
from core.stopgaps import problems_of_options
from core.work import Surroundings

LONGEST_NAME: Final = 200
MOST_TAGS: Final = 30


class JobDraft(Value, frozen=True, kw_only=True):
    """A job as entered, before it has an id."""

    name: str
    kind: str
    options: Mapping[str, Any] = NOTHING
    priority: Priority = Priority.NORMAL
    schedule: Schedule | None = None
    after: tuple[str, ...] = ()
    after_when: AfterWhen = AfterWhen.ALL_SUCCEEDED
    after_failed: AfterFailed = AfterFailed.SKIP
    retry: Retry = ONCE
    timeout: float | None = None
    run_timeout: float | None = None
    expect: Expectation | None = None
    groups: tuple[str, ...] = ()
    on_interrupt: OnInterrupt = OnInterrupt.RESUME
    tags: tuple[str, ...] = ()
    enabled: bool = True


class JobPatch(Value, frozen=True, kw_only=True):
    """What of a job is to be changed; what is unset stays."""

    name: str | UnsetType = UNSET
    options: Mapping[str, Any] | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    schedule: Schedule | UnsetType | None = UNSET
    after: tuple[str, ...] | UnsetType = UNSET
    after_when: AfterWhen | UnsetType = UNSET
    after_failed: AfterFailed | UnsetType = UNSET
    retry: Retry | UnsetType = UNSET
    timeout: float | UnsetType | None = UNSET
    run_timeout: float | UnsetType | None = UNSET
    expect: Expectation | UnsetType | None = UNSET
    groups: tuple[str, ...] | UnsetType = UNSET
    on_interrupt: OnInterrupt | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


def draft_of(job: Job) -> JobDraft:
    """Return the job as it could have been entered."""
    return JobDraft(**{name: getattr(job, name) for name in JobDraft.__struct_fields__})


def patched(draft: JobDraft, patch: JobPatch) -> JobDraft:
    """Return the draft with the patch's changes."""
    changes = {name: value for name, value in msgspec.structs.asdict(patch).items() if value is not UNSET}
    if "options" in changes:
        changes["options"] = restored(changes["options"], draft.options)
    return replace(draft, **changes)


def checked(draft: JobDraft, make: EngineMaker, surroundings: Surroundings) -> JobDraft:
    """Return the draft in its proper form; raises InvalidOptions naming every field that is wrong."""
    problems = problems_of_words(draft) | problems_of_terms(draft)
    options = draft.options
    try:
        engine = make(draft.kind, draft.options)
        _check_leave(engine)
        engine.check(surroundings)
        options = engine.model_dump(mode="json")
    except NotFound as error:
        problems["kind"] = f"{error} {error.hint}"
    except InvalidOptions as error:
        problems |= error.problems | problems_of_options(draft.kind, draft.options, make, surroundings)
    if problems:
        raise InvalidOptions(problems)
    return replace(
        draft,
        name=draft.name.strip(),
        options=frozen(options),
        after=terms.tidied(draft.after),
        groups=terms.tidied(draft.groups),
        tags=terms.tidied(draft.tags),
    )


def _check_leave(engine: Engine) -> None:
    """Raise Refused where only an admin may make and change such jobs, and somebody else would."""
    if actor().admin or not engine.needs_admin:
        return
    if engine.admin_only:
        message = f"Only admins may make or change jobs of kind {engine.kind!r}."
        raise Refused(message, hint="Ask an admin to do it, or use a kind that runs no scripts.")
    message = "Only admins may make or change jobs with these options: they run commands on this machine, or remove data."
    raise Refused(message, hint="Ask an admin to do it, or leave those options out.")


def problems_of_words(draft: JobDraft) -> dict[str, str]:
    """Return what is wrong with the job's name and tags, by field."""
    problems = {}
    name = draft.name.strip()
    if not name:
        problems["name"] = "A job needs a name."
    elif len(name) > LONGEST_NAME:
        problems["name"] = f"A name has at most {LONGEST_NAME} characters, this has {len(name)}."
    elif not terms.is_printable(name):
        problems["name"] = "A name cannot contain control characters or broken letters."
    if len(draft.tags) > MOST_TAGS or not all(terms.is_good_name(tag) for tag in draft.tags):
        longest = terms.LONGEST_WORD
        problems["tags"] = f"Up to {MOST_TAGS} tags, each of 1 to {longest} printable characters, no commas."
    return problems


def problems_of_terms(draft: JobDraft) -> dict[str, str]:
    """Return what is wrong with what is agreed beside the kind's options, by field."""
    return {
        **terms.problems_of_retry(draft.retry),
        **terms.problems_of_limits(draft.timeout, draft.run_timeout),
        **terms.problems_of_groups(draft.groups),
        **terms.problems_of_parents(draft.after),
        **terms.problems_of_rhythm(draft.expect),
        **problems_of_schedule(draft.schedule),
    }


def problems_of_schedule(schedule: Schedule | None) -> dict[str, str]:
    """Return what is wrong with when a job is due, by field."""
    found = {} if schedule is None else schedules.problems(schedule)
    return {f"schedule.{field}": words for field, words in found.items()}
