"""The other sections of a job's page: all its runs, how it is set, what it was, its graph, how safe it is."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path, Query
from msgspec.structs import replace
from starlette.responses import HTMLResponse, Response, StreamingResponse

from core.errors import InvalidOptions, NotFound
from core.hiding import hidden
from core.models import LARGEST, Job, Run, frozen
from core.storage.definitions import Definition, definition_of, plain_of, text_of_definition
from core.tables import row_of
from core.versions import MOST, Version
from fastapi_app.dependencies import Manager, TheHouse
from fastapi_app.notices import Act
from fastapi_app.pages.drawing import TheCanvas, see
from fastapi_app.pages.graph import drawn, overviews
from fastapi_app.pages.job import names_after
from fastapi_app.pages.job_frame import Frame
from fastapi_app.places import JobId
from fastapi_app.presenters.evidence import evidence_of
from fastapi_app.presenters.job_page import guards_of, safety_of, settings_of
from fastapi_app.presenters.job_safety import safety_page
from fastapi_app.presenters.notifications import late_after
from fastapi_app.presenters.proofs import newest_verified
from fastapi_app.presenters.run_history import rows_for_tables, runs_page
from fastapi_app.presenters.runs import run_view
from fastapi_app.presenters.versions import compared, rows_of

router = APIRouter(prefix="/jobs/{job_id}")

AT_ONCE: Final = 200
"""Lines of a table that are written together."""

Group = Annotated[str, Query(max_length=20)]
Number = Annotated[int | None, Query(ge=1, le=LARGEST)]


@router.get("/runs")
def runs(
    job_id: JobId, canvas: TheCanvas, house: TheHouse, group: Group = "", before: Number = None
) -> HTMLResponse:
    """Show a page of the job's runs, the newest first."""
    frame = Frame(house, job_id, "runs")
    view = runs_page(frame.overview.job, frame.history, frame.past, group=group, before=before)
    return canvas.draw("pages/job_runs.html", "jobs", **frame.context(), view=view)


@router.get("/runs.csv")
def runs_as_table(job_id: JobId, manager: Manager, group: Group = "") -> StreamingResponse:
    """Hand out the runs of a group for a table program."""
    history = manager.runs_of(job_id)
    headers = {"Content-Disposition": f'attachment; filename="holdfast-runs-{job_id[:8]}.csv"'}
    return StreamingResponse(_lines(history, group), media_type="text/csv; charset=utf-8", headers=headers)


def _lines(history: Iterable[Run], group: str) -> Iterator[str]:
    """Yield the table in pieces of many lines: each costs a way to another thread and back."""
    rows = map(row_of, rows_for_tables(history, group))
    while piece := "".join(islice(rows, AT_ONCE)):
        yield piece


@router.get("/settings")
def settings(job_id: JobId, canvas: TheCanvas, manager: Manager, house: TheHouse) -> HTMLResponse:
    """Show how the job is set: in words, and as texts to take away."""
    frame = Frame(house, job_id, "settings")
    job = frame.overview.job
    shown = _shown(job)
    return canvas.draw(
        "pages/job_settings.html",
        "jobs",
        **frame.context(),
        settings=settings_of(job, names_after(manager, job)),
        outside=house.outside.change_of(job),
        yaml=text_of_definition(shown).decode(),
        json=msgspec.json.format(msgspec.json.encode(_for_the_api(shown))).decode(),
        hides=shown.options != job.options,
    )


def _for_the_api(shown: Definition) -> dict[str, Any]:
    """Return the definition as another job can be made of it."""
    return {name: value for name, value in plain_of(shown).items() if name not in {"id", "owner"}}


def _shown(job: Job) -> Definition:
    """Return what was decided about the job, as anybody may see it."""
    return replace(definition_of(job), options=frozen(hidden(job.options)))


@router.get("/versions")
def versions(
    job_id: JobId, canvas: TheCanvas, manager: Manager, house: TheHouse, a: Number = None, b: Number = None
) -> HTMLResponse:
    """Show what the job was, and two of its versions side by side."""
    frame = Frame(house, job_id, "versions")
    known = manager.versions(job_id)
    chosen = _chosen(known, a, b)
    after = tuple({one for version in known for one in version.definition.after})
    names = {item.job.id: item.job.name for item in overviews(manager, after)}
    return canvas.draw(
        "pages/job_versions.html",
        "jobs",
        **frame.context(),
        rows=rows_of(known, names),
        chosen=tuple(version.number for version in chosen),
        comparison=compared(*chosen, names) if a is not None and b is not None else None,
        most=MOST,
    )


def _chosen(known: tuple[Version, ...], a: int | None, b: int | None) -> tuple[Version, Version]:
    """Return the two versions to compare, the older first; where none are asked for, the last two.

    Raises NotFound for one that is not kept: nothing else is compared in its place.
    """
    by_number = {version.number: version for version in known}
    if gone := {a, b} - {None, *by_number}:
        raise NotFound("version", str(min(number for number in gone if number)))
    newer = by_number[b or known[0].number]
    older = by_number[a or known[min(1, len(known) - 1)].number]
    return (older, newer) if older.number <= newer.number else (newer, older)


@router.post("/versions/{number}/restore")
def restore(  # who asks, for which version, and what they saw
    job_id: JobId,
    number: Annotated[int, Path(ge=1, le=LARGEST)],
    canvas: TheCanvas,
    manager: Manager,
    seen: Annotated[int, Query(alias="from", ge=1, le=LARGEST)],
) -> Response:
    """Make the job what it was, and offer to take that back; `from` is the version that is changed."""
    versions_of_job = f"/jobs/{job_id}/versions"
    try:
        job = manager.restore(job_id, number, version=seen)
    except InvalidOptions as error:
        why = " ".join(error.problems.values())
        canvas.tell(f"Version {number:,} cannot be restored. {why}", status="failed", stays=True)
        return see(versions_of_job)
    if job.version == seen:
        canvas.tell(f"Nothing was changed: version {seen:,} is like version {number:,}.")
    else:
        back = Act(word="Undo", address=f"{versions_of_job}/{seen}/restore?from={job.version}")
        canvas.tell(f"Version {number:,} is restored, as version {job.version:,}.", action=back)
    return see(versions_of_job)


@router.get("/graph")
def graph(job_id: JobId, canvas: TheCanvas, manager: Manager, house: TheHouse) -> HTMLResponse:
    """Show the jobs that follow one another."""
    frame = Frame(house, job_id, "graph")
    return canvas.draw("pages/job_graph.html", "jobs", **frame.context(), graph=drawn(manager, job_id))


@router.get("/safety")
def safety(job_id: JobId, canvas: TheCanvas, house: TheHouse) -> HTMLResponse:
    """Show how safe the job's data is."""
    frame = Frame(house, job_id, "safety")
    job = frame.overview.job
    good = newest_verified(job, frame.history)
    return canvas.draw(
        "pages/job_safety.html",
        "jobs",
        **frame.context(),
        view=safety_page(job, frame.history, frame.expected, frame.now),
        safety=safety_of(job, frame.history),
        late_after=late_after(job, frame.expected),
        guards=guards_of(job),
        evidence=evidence_of(good) if good else None,
        run=run_view(good, job) if good else None,
    )
