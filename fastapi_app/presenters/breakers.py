"""What cannot be reached, and what becomes of the runs that need it."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from core.breakers import Breaker, BreakerState
from core.models import Value
from fastapi_app.presenters.states import Mark
from fastapi_app.presenters.texts import plural

LOOKS: Final[Mapping[BreakerState, Mark]] = {
    BreakerState.CLOSED: Mark(st="late", icon="st-late", word="Shaky"),
    BreakerState.OPEN: Mark(st="failed", icon="st-failed", word="Not reached"),
    BreakerState.HALF_OPEN: Mark(st="late", icon="st-late", word="Being tried"),
}


class BreakerView(Value, frozen=True, kw_only=True):
    """A breaker that remembers something; `until` is when the next run may try, `probe` the run that does."""

    name: str
    state: BreakerState
    mark: Mark
    sentence: str
    message: str
    until: datetime | None
    probe: str


def breaker_views(
    breakers: Mapping[str, Breaker], now: datetime, *, only: Collection[str] | None = None
) -> tuple[BreakerView, ...]:
    """Return the breakers that hold runs back, those named in `only` where that is given, by name."""
    every = (breaker_view(name, one, now) for name, one in sorted(breakers.items()))
    return tuple(
        view for view in every if view.state != BreakerState.CLOSED and (only is None or view.name in only)
    )


def breaker_view(name: str, breaker: Breaker, now: datetime) -> BreakerView:
    """Return the breaker as pages and commands show it."""
    state = breaker.state(now)
    return BreakerView(
        name=name,
        state=state,
        mark=LOOKS[state],
        sentence=_sentence(breaker, state),
        message=breaker.message,
        until=breaker.until if state == BreakerState.OPEN else None,
        probe=breaker.probe if state == BreakerState.HALF_OPEN else "",
    )


def _sentence(breaker: Breaker, state: BreakerState) -> str:
    said = f"Not reached {plural(breaker.failures, 'time')} in a row."
    match state:
        case BreakerState.CLOSED:
            return said
        case BreakerState.OPEN:
            return f"{said} Whoever needs it waits; then one run tries."
        case BreakerState.HALF_OPEN if breaker.probe:
            return f"{said} One run is trying; whoever else needs it waits for that."
        case BreakerState.HALF_OPEN:
            return f"{said} The next run that needs it tries."
