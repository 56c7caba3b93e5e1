"""The places where copies go, as the dashboard shows them: whether each can be reached, and how full it is."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from core.destinations.known import Destination
from core.models import Value
from core.places.states import DestinationState, is_nearly_full, standing_of
from core.sizes import size
from fastapi_app.presenters.states import Mark
from fastapi_app.presenters.texts import plural

MOST: Final = 6

UP: Final = Mark(st="ok", icon="st-ok", word="Up")
FULL_SOON: Final = Mark(st="late", icon="st-late", word="Full soon")
LOOK: Final = Mark(st="late", icon="st-late", word="Look at it")
GONE: Final = Mark(st="failed", icon="st-failed", word="Unreachable")
UNKNOWN: Final = Mark(st="unproved", icon="st-hollow", word="Unknown")
ORDER: Final = (GONE, FULL_SOON, LOOK, UNKNOWN, UP)


class ServiceRow(Value, frozen=True, kw_only=True):
    """A destination, and how it is."""

    id: str
    name: str
    aside: str
    mark: Mark


class Services(Value, frozen=True, kw_only=True):
    """Those that need a look first."""

    rows: tuple[ServiceRow, ...]
    aside: str
    more: str


def services_of(
    found: Sequence[Destination], states: Mapping[str, DestinationState], now: datetime
) -> Services:
    """Return the destinations, the worst first."""
    rows = sorted(
        (_row(one, states.get(one.id), now) for one in found), key=lambda row: ORDER.index(row.mark)
    )
    bad = sum(row.mark not in {UP, UNKNOWN} for row in rows)
    unknown = sum(row.mark == UNKNOWN for row in rows)
    aside = (
        f"{bad:,} of {len(rows):,} need a look"
        if bad
        else f"{unknown:,} not looked at"
        if unknown
        else "all up"
    )
    return Services(
        rows=tuple(rows[:MOST]),
        aside=aside if rows else "",
        more=f"All {plural(len(rows), 'destination')}" if len(rows) > MOST else "",
    )


def _row(destination: Destination, state: DestinationState | None, now: datetime) -> ServiceRow:
    return ServiceRow(
        id=destination.id,
        name=destination.name,
        aside=_aside(state, now),
        mark=_mark(state, now),
    )


def _mark(state: DestinationState | None, now: datetime) -> Mark:
    standing = standing_of(state, now)
    if state is None or standing == "unknown":
        return UNKNOWN
    if standing == "bad":
        return GONE
    if is_nearly_full(state):
        return FULL_SOON
    return LOOK if standing == "warned" else UP


def _aside(state: DestinationState | None, now: datetime) -> str:
    if state is None or standing_of(state, now) == "unknown":
        return "not looked at lately"
    if not state.seen.reachable:
        return state.seen.sentence
    room = state.seen.room
    free = f"{size(room.free)} free" if room.free is not None else ""
    of_all = f"{free} of {size(room.total)}" if free and room.total else free
    growing = state.outlook.words if state.outlook.full_on is not None else ""
    return ", ".join(part for part in (of_all, growing) if part) or state.seen.sentence
