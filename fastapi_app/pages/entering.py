"""What stands in the form of a job: understood as far as it can be, and what is true of it."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from core.drafts import JobDraft, problems_of_terms, problems_of_words
from core.engines import ENGINES
from core.engines.base import EngineMaker
from core.errors import InvalidOptions, NotFound
from core.hiding import restored
from core.listing import JobQuery
from core.manager import JobManager
from core.models import Value
from core.notifications.values import Rule
from core.service import Service
from core.stopgaps import engine_beside, problems_of_options
from core.timetable import preview
from core.work import Fact, Surroundings
from fastapi_app.presenters.clearing import deletion_in_words
from fastapi_app.presenters.destinations import truth_of
from fastapi_app.presenters.forms import Checked, JobForm, entered, job_form
from fastapi_app.presenters.parents import Offer, Parents
from fastapi_app.presenters.plan import plan_of
from fastapi_app.presenters.schedule_fields import ABOUT, facts_of_schedule
from fastapi_app.presenters.term_fields import facts_of_terms

EVERYTHING: Final = JobQuery(limit=None)


class Entry(Value, frozen=True, kw_only=True):
    """What was entered: as it is kept, as it is shown again, and what of it cannot be understood."""

    draft: JobDraft
    shown: JobDraft
    names: Mapping[str, str] = {}
    typed: Mapping[str, str] = {}
    problems: Mapping[str, str] = {}
    offers: tuple[Offer, ...] = ()
    job_id: str = ""

    def check(self) -> None:
        """Raise InvalidOptions where something cannot be understood."""
        if self.problems:
            raise InvalidOptions(self.problems)


def entry_from(
    values: Mapping[str, str], kind: str, manager: JobManager, *, job_id: str = "", like: str = ""
) -> Entry:
    """Return what a form says; raises NotFound for a kind that is none.

    Secrets that were left as they are, are those of the job, or of the one that a new job is to be like.
    """
    check_kind(kind)
    said = entered(values, kind)
    shown = draft = said.draft
    if before := job_id or like:
        draft = replace(draft, options=restored(draft.options, manager.job(before).job.options))
    if not draft.after:
        return Entry(draft=draft, shown=shown, typed=said.typed, problems=said.problems, job_id=job_id)
    parents = Parents(manager.list_jobs(EVERYTHING).items, child=job_id)
    written = parents.read(draft.after)
    return Entry(
        draft=replace(draft, after=written.ids),
        shown=shown,
        names=parents.names(written.ids),
        typed=said.typed,
        problems={**said.problems} | ({"after": written.problem} if written.problem else {}),
        offers=written.offers,
        job_id=job_id,
    )


def entry_of(draft: JobDraft, manager: JobManager, *, job_id: str = "") -> Entry:
    """Return what a job is set to as if somebody had entered it."""
    if not draft.after:
        return Entry(draft=draft, shown=draft, job_id=job_id)
    parents = Parents(manager.list_jobs(EVERYTHING).items, child=job_id)
    shown = replace(draft, after=parents.lines(draft.after))
    return Entry(draft=draft, shown=shown, names=parents.names(draft.after), job_id=job_id)


def check_kind(kind: str) -> None:
    """Raise NotFound for a kind that is none."""
    if kind not in ENGINES:
        raise NotFound("kind", kind[:40])


def checked(service: Service, entry: Entry) -> Checked:
    """Return what is true of what was entered."""
    about_options = _checked_options(service, entry.draft)
    terms = {**problems_of_words(entry.draft), **problems_of_terms(entry.draft), **entry.problems}
    schedule = entry.draft.schedule
    sound = schedule is not None and not any(name.startswith(ABOUT) for name in terms)
    due = preview(schedule, service.clock.now()) if schedule and sound else None
    choices = service.notifications.choices
    plan = plan_of(
        entry.draft, entry.names, due, _rules_about(service, entry), tuple(choices.channels().values())
    )
    return Checked(
        problems={**about_options.problems, **terms},
        facts=(
            *_truth_of_place(service, entry.draft),
            *about_options.facts,
            *facts_of_schedule(entry.draft),
            *facts_of_terms(entry.draft),
        ),
        plan=about_options.plan and (*about_options.plan, *plan),
        due=due,
    )


def _rules_about(service: Service, entry: Entry) -> tuple[Rule, ...]:
    """Return the rules of the notifications that are about the job: about all, a tag of it, or it alone."""
    rules, tags = service.notifications.choices.rules(), entry.draft.tags
    return tuple(
        rule
        for rule in rules
        if (rule.job_id == entry.job_id if rule.job_id else not rule.tag or rule.tag in tags)
    )


def _truth_of_place(service: Service, draft: JobDraft) -> tuple[Fact, ...]:
    """Return what was last seen of the destination that a job names; nothing of a folder, or of one that nobody knows."""
    name = str(draft.options.get("destination", "")).partition(":")[0]
    book = service.destinations
    destination = book.find(name)
    fact = truth_of(destination, book.state(name), service.clock.now()) if destination else None
    return (fact,) if fact else ()


def _checked_options(service: Service, draft: JobDraft) -> Checked:
    surroundings = service.surroundings
    make = service.manager.engine
    try:
        engine = make(draft.kind, draft.options)
    except InvalidOptions as error:
        return _beside(draft, make, error, surroundings)
    facts = engine.facts(surroundings)
    plan = (*engine.plan_in_words(), *deletion_in_words(engine))
    try:
        engine.check(surroundings)
    except InvalidOptions as error:
        return Checked(problems=error.problems, facts=facts, plan=plan)
    return Checked(facts=facts, plan=plan)


def _beside(draft: JobDraft, make: EngineMaker, error: InvalidOptions, surroundings: Surroundings) -> Checked:
    """Return what is true of the other options while some of them make no sense yet."""
    problems = problems_of_options(draft.kind, draft.options, make, surroundings)
    engine, stood_in = engine_beside(draft.kind, draft.options, make, error.problems)
    facts = engine.facts(surroundings) if engine is not None else ()
    return Checked(problems=problems, facts=tuple(fact for fact in facts if fact.field not in stood_in))


def form_of(entry: Entry, known: Checked, **about: Any) -> JobForm:  # noqa: ANN401 - fields of JobForm
    """Return the form with what was entered, as it was written."""
    return job_form(entry.shown, known, typed=entry.typed, offers=entry.offers, **about)
