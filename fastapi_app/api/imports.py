"""Imports: what people have of other programs, shown as what it would become, then made exactly so."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field, StrictBool

from core.imports.values import Found, Made, PlannedDestination, PlannedJob, Preview, Remark, SourceType
from core.models import Schedule
from core.packed import thawed
from fastapi_app.api.entries import Entry
from fastapi_app.api.values import Out
from fastapi_app.dependencies import TheService

router = APIRouter(prefix="/imports", tags=["imports"])

Text = Annotated[str, Field(max_length=1_000_000)]
FilePath = Annotated[str, Field(max_length=4_096)]


class RemarkOut(Out):
    """A part of the file, and what became of it."""

    place: str
    words: str

    @classmethod
    def of(cls, remark: Remark) -> "RemarkOut":
        """Return the remark as JSON says it."""
        return cls.model_construct(place=remark.place, words=remark.words)


class PlannedDestinationOut(Out):
    """A destination that would be made; of its secrets only the names are told. `same_as` is one that serves already."""

    place: str
    name: str
    type: str
    settings: dict[str, Any]
    secrets: list[str]
    same_as: str | None
    problems: list[str]

    @classmethod
    def of(cls, planned: PlannedDestination) -> "PlannedDestinationOut":
        """Return it as JSON says it, without a secret."""
        return cls.model_construct(
            place=planned.place,
            name=planned.draft.name,
            type=planned.draft.type,
            settings=thawed(planned.draft.settings),
            secrets=sorted(planned.draft.secrets),
            same_as=planned.same_as or None,
            problems=list(planned.problems),
        )


class PlannedJobOut(Out):
    """A job that would be made; `destination` is what the file calls its place where that becomes a destination."""

    place: str
    name: str
    kind: str
    options: dict[str, Any]
    cron: str | None
    every: float | None
    on_start: bool
    destination: str | None
    problems: list[str]

    @classmethod
    def of(cls, job: PlannedJob) -> "PlannedJobOut":
        """Return it as JSON says it."""
        schedule = job.schedule or Schedule()
        there = f"{job.ref.rstrip(':')}:{job.below}" if job.below else job.ref.rstrip(":")
        return cls.model_construct(
            place=job.place,
            name=job.name,
            kind=job.kind,
            options=thawed(job.options),
            cron=schedule.cron or None,
            every=schedule.every,
            on_start=schedule.on_start,
            destination=there or None,
            problems=list(job.problems),
        )


class PreviewOut(Out):
    """What would be made. `files` are those that the file names and that were not given along."""

    hash: str
    source: SourceType
    destinations: list[PlannedDestinationOut]
    jobs: list[PlannedJobOut]
    understood: list[RemarkOut]
    left_out: list[RemarkOut]
    files: list[str]

    @classmethod
    def of(cls, preview: Preview) -> "PreviewOut":
        """Return the preview as JSON says it."""
        found: Found = preview.found
        return cls.model_construct(
            hash=preview.hash,
            source=preview.source,
            destinations=[PlannedDestinationOut.of(each) for each in found.destinations],
            jobs=[PlannedJobOut.of(each) for each in found.jobs],
            understood=[RemarkOut.of(each) for each in found.understood],
            left_out=[RemarkOut.of(each) for each in found.left_out],
            files=list(found.files),
        )


class MadeOut(Out):
    """What was made, by id with its name, and what could not be."""

    destinations: dict[str, str]
    jobs: dict[str, str]
    failed: list[RemarkOut]

    @classmethod
    def of(cls, made: Made) -> "MadeOut":
        """Return it as JSON says it."""
        return cls.model_construct(
            destinations=dict(made.destinations),
            jobs=dict(made.jobs),
            failed=[RemarkOut.of(each) for each in made.failed],
        )


class ImportEntry(Entry):
    """A file to be read: its text, the texts of other files that it names, and where it lies itself."""

    source: SourceType
    text: Text = Field(repr=False)
    files: dict[FilePath, Text] = Field(default_factory=dict, max_length=50, repr=False)
    path: FilePath = ""


class ApplyEntry(Entry):
    """Whether jobs are enabled at once; without, they wait for a person to look at them."""

    enable: StrictBool = False


@router.post("")
def preview(entry: ImportEntry, service: TheService) -> PreviewOut:
    """Return what would be made of a file; nothing is made, run or read from the disk."""
    return PreviewOut.of(service.imports.preview(entry.source, entry.text, entry.files, path=entry.path))


@router.post("/{digest}/apply", status_code=201)
def apply(
    digest: Annotated[str, Path(max_length=100)], service: TheService, entry: ApplyEntry | None = None
) -> MadeOut:
    """Make exactly what was shown under that hash, once."""
    return MadeOut.of(service.imports.apply(digest, enable=entry is not None and entry.enable))
