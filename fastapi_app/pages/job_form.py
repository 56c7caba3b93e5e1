"""Making and changing a job: the form, checked by the server as it is typed."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from core.drafts import LONGEST_NAME, JobDraft, JobPatch, draft_of
from core.engines import ENGINES
from core.errors import DefinitionMistaken, HoldfastError, InvalidOptions, StorageFailed, VersionConflict
from core.service import Service
from fastapi_app.dependencies import Manager, Person, TheHouse, TheService
from fastapi_app.errors import status_of
from fastapi_app.house import House
from fastapi_app.pages.coming_back import left_form, way_to_new_destination
from fastapi_app.pages.drawing import Canvas, TheCanvas, see
from fastapi_app.pages.entering import Entry, check_kind, checked, entry_from, entry_of, form_of
from fastapi_app.places import JobId
from fastapi_app.presenters.conflict import with_theirs
from fastapi_app.presenters.destinations import places_of
from fastapi_app.presenters.forms import Checked, JobForm, job_form
from fastapi_app.presenters.presets import preset_named, presets_of, rhythm_named
from fastapi_app.presenters.schedule_fields import WHEN
from fastapi_app.presenters.term_fields import NAMES, TERMS

router = APIRouter(prefix="/jobs")

MOST_FIELDS: Final = 200
LONGEST_VERSION: Final = 10
CHECK: Final = "check"
"""What browsers without scripts ask for, to see what is true of the form before it is kept."""
PRESET: Final = "preset:"
"""Before the name of the preset that somebody wants to begin with."""
RHYTHM: Final = "when:"
"""Before the name of a common rhythm."""
TRY: Final = "try"
"""What is asked for to find out what a run would do before the job is kept."""
MODEL: Final = "from"
"""The job that a new one is a copy of."""
MOST_TAGS: Final = 12
DESTINATION: Final = "destination"
"""What is asked for to make a destination, and come back to the form as it was left."""
FIRST_KIND: Final = next(iter(ENGINES))
LONGEST_ID: Final = 100
A_COPY: Final = " (copy)"
LIKE_ANOTHER: Final = (
    "It is filled in like the job you came from, which stays as it is. Give it a name of its own."
)


async def _values(request: Request) -> dict[str, str]:
    """Return the form's fields; files are none of them."""
    async with request.form(max_fields=MOST_FIELDS, max_files=0) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


Values = Annotated[dict[str, str], Depends(_values)]


@router.get("/new")
def new(
    request: Request,
    canvas: TheCanvas,
    service: TheService,
    kind: str = "",
    model: Annotated[str, Query(alias=MODEL, max_length=LONGEST_ID)] = "",
) -> HTMLResponse:
    """Show an empty form, one filled in like another job, or one that was left to make a destination."""
    manager = service.manager
    like = manager.job(model).job if model else None
    kind = like.kind if like else kind or FIRST_KIND
    check_kind(kind)
    about = _making(kind, model)
    if left := left_form(request.query_params):
        return _seen(canvas, service, entry_from(left, kind, manager, like=model), about)
    if like is None:
        return _drawn(canvas, service, job_form(JobDraft(name="", kind=kind), Checked(), **about))
    entry = entry_of(replace(draft_of(like), name=_name_of_a_copy(like.name)), manager)
    return _drawn(canvas, service, form_of(entry, checked(service, entry), **about))


def _name_of_a_copy(name: str) -> str:
    return f"{name[: LONGEST_NAME - len(A_COPY)]}{A_COPY}"


@router.post("/new")
def create(  # who asks, what they say, and whom to ask
    values: Values, canvas: TheCanvas, manager: Manager, service: TheService, person: Person
) -> Response:
    """Make the job, and start it where that was asked; else show what is to be fixed."""
    kind, then = values.get("kind", FIRST_KIND), values.get("then", "")
    check_kind(kind)
    model = values.get(MODEL, "")[:LONGEST_ID]
    about = _making(kind, model)
    if then == DESTINATION:
        return see(way_to_new_destination(about["address"], values, kind))
    filled, chosen = _filled_in(values, kind, then)
    entry = entry_from(filled, kind, manager, like=model)
    about |= {"preset": chosen}
    if chosen or then == CHECK:
        return _seen(canvas, service, entry, about)
    try:
        entry.check()
        if then == TRY:
            return _tried(service, entry, person.name)
        job = manager.create(entry.draft, asked_by=person.name)
    except InvalidOptions as error:
        return _to_be_fixed(canvas, service, entry, error, about)
    except StorageFailed as error:
        return _not_taken(canvas, service, entry, error, about)
    if then == "start":
        try:
            manager.start(job.id, asked_by=person.name)
        except StorageFailed as error:  # the job is made: its page says that it never ran, the bar says why
            canvas.not_kept(error)
    return see(f"/jobs/{job.id}")


def _filled_in(values: dict[str, str], kind: str, then: str) -> tuple[dict[str, str], str]:
    """Return what the form says once a preset or a rhythm that was asked for filled it in, and which that was."""
    if then.startswith(PRESET) and (preset := preset_named(kind, then.removeprefix(PRESET))):
        return preset.over(values), preset.name
    if then.startswith(RHYTHM) and (rhythm := rhythm_named(then.removeprefix(RHYTHM))):
        return rhythm.over(values), then
    return values, ""


def _tried(service: Service, entry: Entry, by: str) -> Response:
    """Begin to find out what a run would do; nothing is kept or written."""
    return see(f"/trials/{service.rehearsals.of_draft(entry.draft, by=by).id}")


@router.get("/{job_id}/edit")
def edit(
    job_id: JobId, request: Request, canvas: TheCanvas, manager: Manager, service: TheService
) -> HTMLResponse:
    """Show the form with what the job is set to, or as it was left to make a destination."""
    job = manager.job(job_id).job
    check_kind(job.kind)
    left = left_form(request.query_params)
    if left:
        about = _editing(job_id, job.name) | {"version": _version_in(left)}
        return _seen(canvas, service, entry_from(left, job.kind, manager, job_id=job_id), about)
    entry = entry_of(draft_of(job), manager, job_id=job_id)
    form = form_of(entry, checked(service, entry), version=job.version, **_editing(job_id, job.name))
    return _drawn(canvas, service, form)


@router.post("/{job_id}/edit")
def save(  # who asks, what they say, and whom to ask
    job_id: JobId, values: Values, canvas: TheCanvas, manager: Manager, house: TheHouse, person: Person
) -> Response:
    """Change the job; what is wrong, or changed meanwhile by someone else, is shown beside it."""
    service = house.service
    job = manager.job(job_id).job
    entry = entry_from(values, job.kind, manager, job_id=job_id)
    given = _version_in(values)
    about = _editing(job_id, job.name) | {"version": given}
    then = values.get("then", "")
    filled, chosen = _filled_in(values, job.kind, then)
    if chosen or then in {CHECK, DESTINATION}:
        way = way_to_new_destination(f"/jobs/{job_id}/edit", values, job.kind)
        entry = entry_from(filled, job.kind, manager, job_id=job_id)
        return see(way) if then == DESTINATION else _seen(canvas, service, entry, about)
    try:
        entry.check()
        if then == TRY:
            return _tried(service, entry, person.name)
        manager.edit(job_id, _patch(entry.draft, values), version=given)
    except InvalidOptions as error:
        return _to_be_fixed(canvas, service, entry, error, about)
    except (StorageFailed, DefinitionMistaken) as error:
        return _not_taken(canvas, service, entry, error, about)
    except VersionConflict as error:
        return _overtaken(canvas, house, entry, error, about)
    return see(f"/jobs/{job_id}")


def _overtaken(
    canvas: Canvas, house: House, entry: Entry, error: VersionConflict, about: dict[str, Any]
) -> HTMLResponse:
    """Show what was typed beside what somebody else saved meanwhile."""
    service, manager = house.service, house.service.manager
    saved = manager.job(entry.job_id).job
    about |= {"version": saved.version}
    form = form_of(entry, checked(service, entry), posted=True, **about)
    theirs = job_form(entry_of(draft_of(saved), manager, job_id=entry.job_id).shown, Checked())
    by_hand = house.outside.change_of(saved) is not None
    form = with_theirs(form, theirs, saved, version=error.expected, by_hand=by_hand)
    return _drawn(canvas, service, form, HTTPStatus.CONFLICT)


def _version_in(values: Mapping[str, str]) -> int:
    """Return which version of the job a form was made from; 0 where it does not say."""
    version = values.get("version", "")
    return int(version) if version.isascii() and version.isdigit() and len(version) < LONGEST_VERSION else 0


def _patch(draft: JobDraft, values: dict[str, str]) -> JobPatch:
    """Return what the form changes; a form that did not ask for everything leaves the rest as it is."""
    names = ["name", "options", "priority", "on_interrupt", "tags"]
    names += NAMES if TERMS in values else ()
    names += ["schedule"] if WHEN in values else []
    return JobPatch(**{name: getattr(draft, name) for name in names})


@router.post("/check")
def check(values: Values, canvas: TheCanvas, service: TheService) -> HTMLResponse:
    """Tell what is true of what stands in the form at present."""
    kind, model = values.get("kind", FIRST_KIND), values.get(MODEL, "")[:LONGEST_ID]
    entry = entry_from(values, kind, service.manager, job_id=values.get("job", ""), like=model)
    form = form_of(entry, checked(service, entry))
    return canvas.piece("partials/checked.html", form=form, checked=True)


def _seen(canvas: Canvas, service: Service, entry: Entry, about: dict[str, Any]) -> HTMLResponse:
    """Show the form as it was sent, with what is true of it; nothing is kept."""
    return _drawn(canvas, service, form_of(entry, checked(service, entry), posted=True, **about))


def _drawn(canvas: Canvas, service: Service, form: JobForm, status: int = HTTPStatus.OK) -> HTMLResponse:
    """Return the page with the form."""
    here = "jobs" if form.job_id else "new"
    form = replace(form, tags=service.manager.facets().get("tag", ())[:MOST_TAGS])
    return canvas.draw(
        "pages/job_form.html", here, status, form=form, places=places_of(service.destinations.list())
    )


def _making(kind: str, model: str = "") -> dict[str, Any]:
    if model:
        address = f"/jobs/new?{urlencode({MODEL: model})}"
        return {"address": address, "draft": f"new-from-{model}", "model": model, "lead": LIKE_ANOTHER}
    return {"address": f"/jobs/new?kind={kind}", "draft": f"new-{kind}", "presets": presets_of(kind)}


def _editing(job_id: str, name: str) -> dict[str, Any]:
    return {
        "title": f"Edit {name}",
        "lead": "A run that is under way goes on as it began; the next one does what you save here.",
        "address": f"/jobs/{job_id}/edit",
        "draft": f"edit-{job_id}",
        "job_id": job_id,
        "job_name": name,
    }


def _to_be_fixed(
    canvas: Canvas, service: Service, entry: Entry, error: InvalidOptions, about: dict[str, Any]
) -> HTMLResponse:
    known = checked(service, entry)
    known = Checked(problems={**known.problems, **error.problems}, facts=known.facts, plan=known.plan)
    form = form_of(entry, known, strict=True, posted=True, **about)
    return _drawn(canvas, service, form, HTTPStatus.UNPROCESSABLE_ENTITY)


def _not_taken(
    canvas: Canvas, service: Service, entry: Entry, error: HoldfastError, about: dict[str, Any]
) -> HTMLResponse:
    """Show the form as it was sent, and why nothing came of it; every page says so where the disk refused."""
    if isinstance(error, StorageFailed):
        canvas.not_kept(error)
    said: dict[str, Any] = {"notice": str(error), "notice_hint": f"What you typed stands here. {error.hint}"}
    form = form_of(entry, checked(service, entry), posted=True, **about, **said)
    return _drawn(canvas, service, form, status_of(error))
