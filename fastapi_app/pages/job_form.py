"""Making and changing a job: the form, checked by the server as it is typed."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from core.drafts import JobDraft, JobPatch, draft_of
from core.engines import ENGINES
from core.errors import DefinitionMistaken, HoldfastError, InvalidOptions, StorageFailed, VersionConflict
from core.service import Service
from fastapi_app.dependencies import Manager, Person, TheHouse, TheService
from fastapi_app.errors import status_of
from fastapi_app.pages.coming_back import left_form, way_to_new_destination
from fastapi_app.pages.drawing import Canvas, TheCanvas, see
from fastapi_app.pages.entering import Entry, check_kind, checked, entry_from, entry_of, form_of
from fastapi_app.places import JobId
from fastapi_app.presenters.conflict import with_theirs
from fastapi_app.presenters.destinations import places_of
from fastapi_app.presenters.forms import Checked, JobForm, job_form
from fastapi_app.presenters.presets import preset_named, presets_of
from fastapi_app.presenters.schedule_fields import WHEN
from fastapi_app.presenters.term_fields import NAMES, TERMS

router = APIRouter(prefix="/jobs")

MOST_FIELDS: Final = 200
LONGEST_VERSION: Final = 10
CHECK: Final = "check"
"""What browsers without scripts ask for, to see what is true of the form before it is kept."""
PRESET: Final = "preset:"
"""Before the name of the preset that somebody wants to begin with."""
DESTINATION: Final = "destination"
"""What is asked for to make a destination, and come back to the form as it was left."""
FIRST_KIND: Final = next(iter(ENGINES))


async def _values(request: Request) -> dict[str, str]:
    """Return the form's fields; files are none of them."""
    async with request.form(max_fields=MOST_FIELDS, max_files=0) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


Values = Annotated[dict[str, str], Depends(_values)]


@router.get("/new")
def new(request: Request, canvas: TheCanvas, service: TheService, kind: str = FIRST_KIND) -> HTMLResponse:
    """Show an empty form, or one that was left to make a destination."""
    check_kind(kind)
    if left := left_form(request.query_params):
        return _seen(canvas, service, entry_from(left, kind, service.manager), _making(kind))
    form = job_form(JobDraft(name="", kind=kind), Checked(), **_making(kind))
    return _drawn(canvas, service, form)


@router.post("/new")
def create(  # who asks, what they say, and whom to ask
    values: Values, canvas: TheCanvas, manager: Manager, service: TheService, person: Person
) -> Response:
    """Make the job, and start it where that was asked; else show what is to be fixed."""
    kind, then = values.get("kind", FIRST_KIND), values.get("then", "")
    check_kind(kind)
    if then == DESTINATION:
        return see(way_to_new_destination(f"/jobs/new?kind={kind}", values, kind))
    preset = preset_named(kind, then.removeprefix(PRESET)) if then.startswith(PRESET) else None
    entry = entry_from(preset.over(values) if preset else values, kind, manager)
    about = _making(kind) | {"preset": preset.name if preset else ""}
    if preset or then == CHECK:
        return _seen(canvas, service, entry, about)
    try:
        entry.check()
        job = manager.create(entry.draft, asked_by=person.name)
    except InvalidOptions as error:
        return _to_be_fixed(canvas, service, entry, error, about)
    except StorageFailed as error:
        return _not_kept(canvas, service, entry, error, about)
    if then == "start":
        try:
            manager.start(job.id, asked_by=person.name)
        except StorageFailed as error:  # the job is made: its page says that it never ran, the bar says why
            canvas.not_kept(error)
    return see(f"/jobs/{job.id}")


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
def save(job_id: JobId, values: Values, canvas: TheCanvas, manager: Manager, house: TheHouse) -> Response:
    """Change the job; what is wrong, or changed meanwhile by someone else, is shown beside it."""
    service = house.service
    job = manager.job(job_id).job
    entry = entry_from(values, job.kind, manager, job_id=job_id)
    given = _version_in(values)
    about = _editing(job_id, job.name) | {"version": given}
    if (then := values.get("then")) in {CHECK, DESTINATION}:
        way = way_to_new_destination(f"/jobs/{job_id}/edit", values, job.kind)
        return _seen(canvas, service, entry, about) if then == CHECK else see(way)
    try:
        entry.check()
        manager.edit(job_id, _patch(entry.draft, values), version=given)
    except InvalidOptions as error:
        return _to_be_fixed(canvas, service, entry, error, about)
    except StorageFailed as error:
        return _not_kept(canvas, service, entry, error, about)
    except DefinitionMistaken as error:
        return _not_taken(canvas, service, entry, error, about)
    except VersionConflict as error:
        saved = manager.job(job_id).job
        about |= {"version": saved.version}
        form = form_of(entry, checked(service, entry), posted=True, **about)
        theirs = job_form(entry_of(draft_of(saved), manager, job_id=job_id).shown, Checked())
        by_hand = house.outside.change_of(saved) is not None
        form = with_theirs(form, theirs, saved, version=error.expected, by_hand=by_hand)
        return _drawn(canvas, service, form, HTTPStatus.CONFLICT)
    return see(f"/jobs/{job_id}")


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
    entry = entry_from(values, values.get("kind", FIRST_KIND), service.manager, job_id=values.get("job", ""))
    form = form_of(entry, checked(service, entry))
    return canvas.piece("partials/checked.html", form=form, checked=True)


def _seen(canvas: Canvas, service: Service, entry: Entry, about: dict[str, Any]) -> HTMLResponse:
    """Show the form as it was sent, with what is true of it; nothing is kept."""
    return _drawn(canvas, service, form_of(entry, checked(service, entry), posted=True, **about))


def _drawn(canvas: Canvas, service: Service, form: JobForm, status: int = HTTPStatus.OK) -> HTMLResponse:
    """Return the page with the form."""
    here = "jobs" if form.job_id else "new"
    return canvas.draw(
        "pages/job_form.html", here, status, form=form, places=places_of(service.destinations.list())
    )


def _making(kind: str) -> dict[str, Any]:
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


def _not_kept(
    canvas: Canvas, service: Service, entry: Entry, error: StorageFailed, about: dict[str, Any]
) -> HTMLResponse:
    """Let every page say that a change was refused, and show the form as it was sent."""
    canvas.not_kept(error)
    return _not_taken(canvas, service, entry, error, about)


def _not_taken(
    canvas: Canvas, service: Service, entry: Entry, error: HoldfastError, about: dict[str, Any]
) -> HTMLResponse:
    """Show the form as it was sent, and why nothing came of it."""
    said: dict[str, Any] = {"notice": str(error), "notice_hint": f"What you typed stands here. {error.hint}"}
    form = form_of(entry, checked(service, entry), posted=True, **about, **said)
    return _drawn(canvas, service, form, status_of(error))
