"""Everything that is wrong with options, told at once: what is missing is stood in for, so that the rest is looked at."""

from collections.abc import Mapping
from typing import Any, Final

from core.engines import ENGINES
from core.engines.base import Engine, EngineMaker
from core.errors import InvalidOptions
from core.work import Surroundings

OPTIONS: Final = "options."
NOWHERE: Final = "/nothing-was-entered-here-yet"
"""A place that stands in for one that is missing; whatever is wrong with it is not told."""

MOST_ROUNDS: Final = 4


def problems_of_options(
    kind: str, options: Mapping[str, Any], make: EngineMaker, surroundings: Surroundings
) -> dict[str, str]:
    """Return what is wrong with each option, also beside one that is missing; raises NotFound."""
    try:
        make(kind, options).check(surroundings)
    except InvalidOptions as error:
        if kind not in ENGINES:
            return dict(error.problems)
        beside, stood_in = engine_beside(kind, options, make, error.problems)
        return {**_found_beside(beside, stood_in, surroundings), **error.problems}
    return {}


def engine_beside(
    kind: str, options: Mapping[str, Any], make: EngineMaker, problems: Mapping[str, str]
) -> tuple[Engine | None, frozenset[str]]:
    """Return the engine with something in place of each option that has a problem, and which those are.

    None where nothing can stand in for them.
    """
    stood_in: set[str] = set()
    for _ in range(MOST_ROUNDS):
        stood_in |= {_top(place) for place in problems if place.startswith(OPTIONS)}
        try:
            return make(kind, _with_stopgaps(kind, options, stood_in)), frozenset(stood_in)
        except InvalidOptions as error:
            if {_top(place) for place in error.problems if place.startswith(OPTIONS)} <= stood_in:
                break
            problems = error.problems
    return None, frozenset(stood_in)


def _found_beside(
    engine: Engine | None, stood_in: frozenset[str], surroundings: Surroundings
) -> dict[str, str]:
    if engine is None:
        return {}
    try:
        engine.check(surroundings)
    except InvalidOptions as error:
        return {place: words for place, words in error.problems.items() if _top(place) not in stood_in}
    return {}


def _with_stopgaps(kind: str, options: Mapping[str, Any], stood_in: set[str]) -> dict[str, Any]:
    """Return the options without those that have a problem; a needed one has something else instead."""
    schema = ENGINES[kind].model_json_schema()
    rest = {name: value for name, value in options.items() if name not in stood_in}
    needed = (name for name in schema.get("required", ()) if name in stood_in)
    return rest | {name: _stopgap(schema["properties"].get(name, {})) for name in needed}


def _stopgap(about: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a value of the option's type
    return [NOWHERE] if about.get("type") == "array" else NOWHERE


def _top(place: str) -> str:
    """Return the option that a problem is about: "copies" of "options.copies.0.destination"."""
    return place.removeprefix(OPTIONS).partition(".")[0]
