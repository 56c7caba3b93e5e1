"""Making and changing a job: the form, checked by the server as it is typed."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from core.drafts import JobDraft, JobPatch, draft_of
from core.engines import ENGINES
from core.engines.base import Surroundings
from core.errors import (
    DefinitionMistaken,
    HoldfastError,
    InvalidOptions,
    NotFound,
    StorageFailed,
    VersionConflict,
)
from core.service import Service
from fastapi_app.dependencies import Manager, Person, TheHouse, TheService
from fastapi_app.errors import status_of
from fastapi_app.pages.drawing import Canvas, TheCanvas, see
from fastapi_app.places import JobId
from fastapi_app.presenters.conflict import with_theirs
from fastapi_app.presenters.forms import Checked, entered, job_form

router = APIRouter(prefix="/jobs")

MOST_FIELDS: Final = 200
FIRST_KIND: Final = next(iter(ENGINES))


async def _values(request: Request) -> dict[str, str]:
    """Return the form's fields; files are none of them."""
    async with request.form(max_fields=MOST_FIELDS, max_files=0) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


Values = Annotated[dict[str, str], Depends(_values)]


@router.get("/new")
def new(canvas: TheCanvas, kind: str = FIRST_KIND) -> HTMLResponse:
    """Show an empty form."""
    _check_kind(kind)
    form = job_form(JobDraft(name="", kind=kind), Checked(), **_making(kind))
    return canvas.draw("pages/job_form.html", "new", form=form)


@router.post("/new")
def create(  # who asks, what they say, and whom to ask
    values: Values, canvas: TheCanvas, manager: Manager, service: TheService, person: Person
) -> Response:
    """Make the job, and start it where that was asked; else show what is to be fixed."""
    draft = _entered(values, values.get("kind", FIRST_KIND))
    try:
        job = manager.create(draft, asked_by=person.name)
    except InvalidOptions as error:
        return _to_be_fixed(canvas, service, draft, error, _making(draft.kind))
    except StorageFailed as error:
        return _not_kept(canvas, service, draft, error, _making(draft.kind))
    if values.get("then") == "start":
        try:
            manager.start(job.id, asked_by=person.name)
        except StorageFailed as error:  # the job is made: its page says that it never ran, the bar says why
            canvas.not_kept(error)
    return see(f"/jobs/{job.id}")


@router.get("/{job_id}/edit")
def edit(job_id: JobId, canvas: TheCanvas, manager: Manager, service: TheService) -> HTMLResponse:
    """Show the form with what the job is set to."""
    job = manager.job(job_id).job
    _check_kind(job.kind)
    draft = draft_of(job)
    form = job_form(draft, _checked(service, draft), version=job.version, **_editing(job_id, job.name))
    return canvas.draw("pages/job_form.html", "jobs", form=form)


@router.post("/{job_id}/edit")
def save(job_id: JobId, values: Values, canvas: TheCanvas, manager: Manager, house: TheHouse) -> Response:
    """Change the job; what is wrong, or changed meanwhile by someone else, is shown beside it."""
    service = house.service
    job = manager.job(job_id).job
    draft = _entered(values, job.kind)
    about = _editing(job_id, job.name)
    version = values.get("version", "")
    given = int(version) if version.isascii() and version.isdigit() else 0
    patch = JobPatch(
        name=draft.name,
        options=draft.options,
        priority=draft.priority,
        on_interrupt=draft.on_interrupt,
        tags=draft.tags,
    )
    try:
        manager.edit(job_id, patch, version=given)
    except InvalidOptions as error:
        return _to_be_fixed(canvas, service, draft, error, about | {"version": given})
    except StorageFailed as error:
        return _not_kept(canvas, service, draft, error, about | {"version": given})
    except DefinitionMistaken as error:
        return _not_taken(canvas, service, draft, error, about | {"version": given})
    except VersionConflict as error:
        saved = manager.job(job_id).job
        form = job_form(draft, _checked(service, draft), version=saved.version, posted=True, **about)
        theirs = job_form(draft_of(saved), Checked())
        by_hand = house.outside.change_of(saved) is not None
        form = with_theirs(form, theirs, saved, version=error.expected, by_hand=by_hand)
        return canvas.draw("pages/job_form.html", "jobs", HTTPStatus.CONFLICT, form=form)
    return see(f"/jobs/{job_id}")


@router.post("/check")
def check(values: Values, canvas: TheCanvas, service: TheService) -> HTMLResponse:
    """Tell what is true of what stands in the form at present."""
    draft = _entered(values, values.get("kind", FIRST_KIND))
    return canvas.piece("partials/checked.html", form=job_form(draft, _checked(service, draft)), checked=True)


def _check_kind(kind: str) -> None:
    if kind not in ENGINES:
        raise NotFound("kind", kind[:40])


def _entered(values: dict[str, str], kind: str) -> JobDraft:
    _check_kind(kind)
    return entered(values, kind)


def _making(kind: str) -> dict[str, Any]:
    return {"address": f"/jobs/new?kind={kind}", "draft": f"new-{kind}"}


def _editing(job_id: str, name: str) -> dict[str, Any]:
    return {
        "title": f"Edit {name}",
        "lead": "A run that is under way goes on as it began; the next one does what you save here.",
        "address": f"/jobs/{job_id}/edit",
        "draft": f"edit-{job_id}",
        "job_id": job_id,
        "job_name": name,
    }


def _checked(service: Service, draft: JobDraft) -> Checked:
    """Return what is true of the options."""
    surroundings = Surroundings(own_data=service.data)
    try:
        engine = service.manager.engine(draft.kind, draft.options)
    except InvalidOptions as error:
        return Checked(problems=error.problems)
    facts, plan = engine.facts(surroundings), engine.plan_in_words()
    try:
        engine.check(surroundings)
    except InvalidOptions as error:
        return Checked(problems=error.problems, facts=facts, plan=plan)
    return Checked(facts=facts, plan=plan)


def _to_be_fixed(
    canvas: Canvas, service: Service, draft: JobDraft, error: InvalidOptions, about: dict[str, Any]
) -> HTMLResponse:
    known = _checked(service, draft)
    checked = Checked(problems={**known.problems, **error.problems}, facts=known.facts, plan=known.plan)
    form = job_form(draft, checked, strict=True, posted=True, **about)
    here = "jobs" if form.job_id else "new"
    return canvas.draw("pages/job_form.html", here, HTTPStatus.UNPROCESSABLE_ENTITY, form=form)


def _not_kept(
    canvas: Canvas, service: Service, draft: JobDraft, error: StorageFailed, about: dict[str, Any]
) -> HTMLResponse:
    """Let every page say that a change was refused, and show the form as it was sent."""
    canvas.not_kept(error)
    return _not_taken(canvas, service, draft, error, about)


def _not_taken(
    canvas: Canvas, service: Service, draft: JobDraft, error: HoldfastError, about: dict[str, Any]
) -> HTMLResponse:
    """Show the form as it was sent, and why nothing came of it."""
    said: dict[str, Any] = {"notice": str(error), "notice_hint": f"What you typed stands here. {error.hint}"}
    form = job_form(draft, _checked(service, draft), posted=True, **about, **said)
    return canvas.draw("pages/job_form.html", "jobs" if form.job_id else "new", status_of(error), form=form)
