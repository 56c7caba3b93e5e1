"""Kinds of jobs: what there is, which options they take, and whether some would work here."""

from typing import Any, Self

from fastapi import APIRouter

from core.engines import ENGINES
from core.engines.base import Engine
from core.errors import InvalidOptions, NotFound
from core.service import Service
from core.work import Surroundings
from fastapi_app.api.entries import OptionsEntry
from fastapi_app.api.values import Out
from fastapi_app.dependencies import TheService
from fastapi_app.errors import first_problems

router = APIRouter(prefix="/kinds", tags=["kinds"])


class KindOut(Out):
    """One kind of job."""

    kind: str
    label: str
    summary: str
    stages: list[str]
    can_pause: bool
    repeatable: bool
    admin_only: bool
    off: str

    @classmethod
    def of(cls, engine: type[Engine], surroundings: Surroundings) -> Self:
        """Return the kind that this engine does, and why it cannot be used here where it cannot."""
        return cls(
            kind=engine.kind,
            label=engine.label,
            summary=engine.summary,
            stages=list(engine.stages),
            can_pause=engine.can_pause,
            repeatable=engine.repeatable,
            admin_only=engine.admin_only,
            off=engine.off(surroundings),
        )


class KindsOut(Out):
    """Every kind there is."""

    items: list[KindOut]


class FactOut(Out):
    """Something that was found out about one option."""

    field: str
    good: bool
    text: str


class CheckOut(Out):
    """What can be said about options before they are kept."""

    problems: dict[str, str]
    facts: list[FactOut]
    plan: list[str]


@router.get("")
def list_kinds(service: TheService) -> KindsOut:
    """Return every kind there is."""
    return KindsOut(items=[KindOut.of(engine, service.surroundings) for engine in ENGINES.values()])


@router.get("/{kind}/schema")
def schema(kind: str) -> dict[str, Any]:
    """Return which options the kind takes, as JSON Schema."""
    return _engine_of(kind).model_json_schema()


@router.post("/{kind}/check")
def check(kind: str, entry: OptionsEntry, service: TheService) -> CheckOut:
    """Tell whether these options would work here, and what a run with them would do."""
    _engine_of(kind)
    return checked(service, kind, entry.options)


def checked(service: Service, kind: str, options: dict[str, Any]) -> CheckOut:
    """Return what can be said about the options; those that are wrong are its problems."""
    surroundings = service.surroundings
    try:
        engine = service.manager.engine(kind, options)
    except InvalidOptions as error:
        return CheckOut(problems=first_problems(error), facts=[], plan=[])
    facts = [FactOut.model_validate(fact) for fact in engine.facts(surroundings)]
    plan = list(engine.plan_in_words())
    try:
        engine.check(surroundings)
    except InvalidOptions as error:
        return CheckOut(problems=first_problems(error), facts=facts, plan=plan)
    return CheckOut(problems={}, facts=facts, plan=plan)


def _engine_of(kind: str) -> type[Engine]:
    engine = ENGINES.get(kind)
    if engine is None:
        raise NotFound("kind", kind[:40])
    return engine
