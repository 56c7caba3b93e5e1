"""Suggestions as JSON: a POST looks at the machine, a GET tells what was found last."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter

from core.packed import thawed
from core.suggestions.values import Looked, Origin, Suggestion
from fastapi_app.api.values import Out, ScheduleOut
from fastapi_app.dependencies import OnlyAdmins, TheService

router = APIRouter(prefix="/suggestions", tags=["suggestions"], dependencies=[OnlyAdmins])


class SuggestionOut(Out):
    """Something that could be a job; with a `kind` it can be filled in at once, `importable` ones go through an import."""

    id: str
    origin: Origin
    place: str
    title: str
    said: str
    name: str
    kind: str
    options: dict[str, Any]
    schedule: ScheduleOut | None
    importable: bool
    remarks: list[str]

    @classmethod
    def of(cls, one: Suggestion) -> "SuggestionOut":
        """Return the suggestion as JSON says it, without what may be secret."""
        return cls.model_construct(
            id=one.id,
            origin=one.origin,
            place=one.place,
            title=one.title,
            said=one.said,
            name=one.name,
            kind=one.kind,
            options=thawed(one.options),
            schedule=ScheduleOut.model_validate(one.schedule) if one.schedule else None,
            importable=bool(one.importable),
            remarks=list(one.remarks),
        )


class LookedOut(Out):
    """What was found, and when; `at` is null while nobody has asked."""

    at: datetime | None
    items: list[SuggestionOut]
    places: dict[str, str]

    @classmethod
    def of(cls, looked: Looked | None) -> "LookedOut":
        """Return the look as JSON says it."""
        if looked is None:
            return cls(at=None, items=[], places={})
        items = [SuggestionOut.of(one) for one in looked.suggestions]
        return cls.model_construct(at=looked.at, items=items, places=dict(looked.places))


@router.get("")
def last(service: TheService) -> LookedOut:
    """Return what was found the last time."""
    return LookedOut.of(service.suggestions.last)


@router.post("")
def look(service: TheService) -> LookedOut:
    """Look at the machine now: crontabs, timers, remotes of rclone, repositories of restic. Nothing is changed or run."""
    return LookedOut.of(service.suggestions.look())
