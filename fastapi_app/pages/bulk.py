"""One thing done to many jobs of the list: looked at first, then done, then taken back if need be."""

import contextlib
from collections.abc import Iterable
from typing import Annotated, Final

from fastapi import APIRouter, Form
from msgspec.structs import replace
from starlette.responses import Response

from core.bulk import Verb, Wish
from core.bulk_desk import Plan, PlanOutdated, Work
from core.errors import NotFound
from core.listing import MOST
from core.service import Service
from fastapi_app.dependencies import Person, TheService
from fastapi_app.notices import Act
from fastapi_app.pages.drawing import Canvas, TheCanvas, see
from fastapi_app.presenters.bulk import (
    FIRST,
    confirmed,
    filter_in_words,
    plan_view,
    result_sentence,
    work_view,
)
from fastapi_app.presenters.job_list import EVERY_JOB, ListAddress, query_of

router = APIRouter(prefix="/jobs/bulk")

A_MOMENT: Final = 1.5
"""Seconds in which most works are over, so that nobody has to look on."""

Short = Annotated[str, Form(max_length=200)]


@router.post("")
def preview(  # the fields of the bar
    canvas: TheCanvas,
    service: TheService,
    person: Person,
    *,
    action: Annotated[Verb, Form()],
    ids: Annotated[list[str], Form(max_length=MOST)] = [],  # noqa: B006 - FastAPI copies it
    all_: Annotated[str, Form(alias="all", max_length=1)] = "",
    q: Annotated[str, Form(max_length=1_000)] = "",
    state: Annotated[str, Form(max_length=20)] = "",
    tag: Short = "",
    back: Annotated[str, Form(max_length=2_000)] = EVERY_JOB,
) -> Response:
    """Show what would be done, and to how many it would not; nothing is done yet."""
    wish = Wish(verb=action, by=person.name, tag=" ".join(tag.split()), gently=True)
    if all_:
        query = replace(query_of(ListAddress(q=q, state=state)), sort="name", limit=None)
        plan = service.bulk.plan(wish, query=query, words=filter_in_words(q, state), back=back)
    else:
        plan = service.bulk.plan(wish, named=ids, words="chosen one by one", back=back)
    return _shown(canvas, service, plan)


def _shown(canvas: Canvas, service: Service, plan: Plan, note: str = "") -> Response:
    meant = (*plan.will[:FIRST], *(refusal.job_id for refusal in plan.refused))
    return canvas.draw("pages/bulk.html", "jobs", plan=plan_view(plan, _names(service, meant), note))


def _names(service: Service, job_ids: Iterable[str]) -> dict[str, str]:
    """Return the names of those of the jobs that are there yet."""
    names = {}
    for job_id in job_ids:
        with contextlib.suppress(NotFound):
            names[job_id] = service.manager.job(job_id).job.name
    return names


@router.post("/do")
def do(
    canvas: TheCanvas, service: TheService, plan: Annotated[str, Form(max_length=100)], typed: Short = ""
) -> Response:
    """Do what was shown; where other jobs match by now, show that instead."""
    planned = service.bulk.planned(plan)
    if not confirmed(planned, typed):
        return _shown(
            canvas, service, planned, "Type the number of jobs exactly, to say that you mean all of them."
        )
    try:
        work = service.bulk.carry_out(plan)
    except PlanOutdated as error:
        anew = service.bulk.plan(planned.wish, query=planned.query, words=planned.words, back=planned.back)
        return _shown(canvas, service, anew, f"{error} This is what would be done now.")
    return _watched(canvas, work)


def _watched(canvas: Canvas, work: Work) -> Response:
    """Wait for a moment; lead to where one can look on if it takes longer."""
    return _told(canvas, work) if work.over.wait(A_MOMENT) else see(f"/jobs/bulk/{work.id}")


def _told(canvas: Canvas, work: Work) -> Response:
    """Lead back to the list and tell there what came of it."""
    if work.refused or work.trouble:
        return see(f"/jobs/bulk/{work.id}")
    work.told = True
    undo = Act(word="Undo", address=f"/jobs/bulk/{work.id}/undo") if work.until else None
    canvas.tell(result_sentence(work), action=undo)
    return see(work.plan.back, EVERY_JOB)


@router.get("/{work_id}")
def show(work_id: str, canvas: TheCanvas, service: TheService) -> Response:
    """Show how far it is, or what came of it."""
    work = service.bulk.work(work_id)
    if canvas.redraws and work.over.is_set():  # who looks on is led to what came of it
        return Response(headers={"HX-Redirect": f"/jobs/bulk/{work_id}"})
    if work.over.is_set() and not (work.refused or work.trouble or work.told):
        return _told(canvas, work)
    names = _names(service, (refusal.job_id for refusal in work.refused))
    return canvas.draw("pages/bulk_result.html", "jobs", work=work_view(work, names, service.clock.now()))


@router.post("/{work_id}/undo")
def undo(work_id: str, canvas: TheCanvas, service: TheService) -> Response:
    """Take back what was done."""
    return _watched(canvas, service.bulk.undo(work_id))
