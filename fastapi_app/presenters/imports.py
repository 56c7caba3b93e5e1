"""What an import would make, as its page shows it; secrets are counted and never shown."""

from core.imports.values import Made, PlannedDestination, PlannedJob, Preview, Remark
from core.models import Value
from core.schedules.words import in_words
from fastapi_app.presenters.texts import plural


class ThingView(Value, frozen=True, kw_only=True):
    """A destination or a job that would be made; `said` is more about it, `problems` why it cannot be."""

    place: str
    what: str
    name: str
    said: tuple[str, ...] = ()
    there: str = ""
    problems: tuple[str, ...] = ()


class ImportView(Value, frozen=True, kw_only=True):
    """What would be made, what was understood and what was not."""

    hash: str
    sentence: str
    things: tuple[ThingView, ...]
    understood: tuple[Remark, ...]
    left_out: tuple[Remark, ...]
    files: tuple[str, ...]
    can_be_made: bool
    has_jobs: bool


class MadeView(Value, frozen=True, kw_only=True):
    """What was made, with the addresses where it is."""

    sentence: str
    made: tuple[tuple[str, str, str], ...]
    failed: tuple[Remark, ...]


def import_view(preview: Preview) -> ImportView:
    """Return what the page shows of a preview."""
    found = preview.found
    good = [each for each in found.destinations if not each.problems and not each.same_as]
    jobs = [each for each in found.jobs if not each.problems]
    sentence = f"{plural(len(good), 'destination')} and {plural(len(jobs), 'job')} can be made of it."
    return ImportView(
        hash=preview.hash,
        sentence=sentence,
        things=(*map(_destination, found.destinations), *map(_job, found.jobs)),
        understood=found.understood,
        left_out=found.left_out,
        files=found.files,
        can_be_made=bool(good or jobs),
        has_jobs=bool(jobs),
    )


def made_view(made: Made) -> MadeView:
    """Return what the page shows once it was made."""
    links = [("Destination", name, f"/destinations/{each}") for each, name in made.destinations.items()]
    links += [("Job", name, f"/jobs/{each}") for each, name in made.jobs.items()]
    sentence = f"Made {plural(len(made.destinations), 'destination')} and {plural(len(made.jobs), 'job')}."
    return MadeView(sentence=sentence, made=tuple(links), failed=made.failed)


def _destination(planned: PlannedDestination) -> ThingView:
    draft = planned.draft
    settings = {**draft.settings, **(draft.settings.get("options") or {})}
    said = [f"{name}: {value}" for name, value in settings.items() if isinstance(value, str | int)]
    said += [f"{plural(len(draft.secrets), 'secret')} taken over"] if draft.secrets else []
    return ThingView(
        place=planned.place,
        what=f"Destination, {draft.type}",
        name=draft.name,
        said=tuple(said),
        there=planned.same_as,
        problems=planned.problems,
    )


def _job(job: PlannedJob) -> ThingView:
    told = {name: value for name, value in job.options.items() if value not in ([], (), False)}
    said = [f"{name.replace('_', ' ')}: {_shown(value)}" for name, value in told.items()]
    if job.ref:
        said.append(f"destination: {job.ref.rstrip(':')}{f', below it {job.below}' if job.below else ''}")
    if job.schedule is not None:
        said.append(in_words(job.schedule))
    return ThingView(
        place=job.place, what=f"Job, {job.kind}", name=job.name, said=tuple(said), problems=job.problems
    )


def _shown(value: object) -> str:
    if value is True:
        return "yes"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
