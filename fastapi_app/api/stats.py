"""Numbers about the whole house."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from core.errors import InvalidOptions
from core.rollups import DAY, TOOK_BOUNDS, WAIT_BOUNDS, KindTally, Span, Tally
from core.states import RunState
from fastapi_app.api.values import Out
from fastapi_app.dependencies import TheService

router = APIRouter(tags=["stats"])

LONGEST: Final[dict[Span, timedelta]] = {"hour": 46 * DAY, "day": 800 * DAY}
"""The longest time that is told at once; hours are kept for 45 days, days for two years."""

MIDDLE: Final = 0.5
NEARLY_ALL: Final = 0.95


class LoadOut(Out):
    """How busy the slots are."""

    slots: int
    busy: int
    waiting: int


class KindStatsOut(Out):
    """What runs of a kind amounted to: how many ended in each state, how long they took in seconds, bytes moved."""

    ended: dict[str, int]
    took_p50: float | None
    took_p95: float | None
    bytes: int

    @classmethod
    def of(cls, kind: KindTally) -> "KindStatsOut":
        """Return the kind as JSON says it."""
        return cls(
            ended=kind.ended,
            took_p50=kind.took.quantile(MIDDLE, TOOK_BOUNDS),
            took_p95=kind.took.quantile(NEARLY_ALL, TOOK_BOUNDS),
            bytes=kind.bytes,
        )


class SpanStatsOut(Out):
    """What an hour or a day amounted to; `at` is when it began, waits are seconds.

    Runs count when they end. `failure_rate` is of those that completed or failed, null without any.
    """

    at: datetime
    ended: int
    completed: int
    failed: int
    failure_rate: float | None
    retries: int
    bytes: int
    wait_p50: float | None
    wait_p95: float | None
    queue_average: float
    queue_most: int
    kinds: dict[str, KindStatsOut]

    @classmethod
    def of(cls, tally: Tally) -> "SpanStatsOut":
        """Return the span as JSON says it."""
        return cls(
            at=tally.at,
            ended=tally.count(),
            completed=tally.count(RunState.COMPLETED),
            failed=tally.count(RunState.FAILED),
            failure_rate=tally.failure_rate,
            retries=tally.retries,
            bytes=tally.bytes,
            wait_p50=tally.wait.quantile(MIDDLE, WAIT_BOUNDS),
            wait_p95=tally.wait.quantile(NEARLY_ALL, WAIT_BOUNDS),
            queue_average=tally.depth.average,
            queue_most=tally.depth.most,
            kinds={name: KindStatsOut.of(kind) for name, kind in tally.kinds.items()},
        )


class StatsOut(Out):
    """How many jobs show each state ("never" for those that never ran), and how busy the slots are.

    `last_day` are the last 24 hours; `series` the hours or days that were asked for, the oldest first, those in
    which Holdfast was at work.
    """

    counts: dict[str, int]
    load: LoadOut
    dead_letters: int
    last_day: SpanStatsOut
    series: list[SpanStatsOut] | None = None


@router.get("/stats")
def stats(
    service: TheService,
    since: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to")] = None,
    by: Span | None = None,
) -> StatsOut:
    """Return numbers about the whole house; with `by`, hour by hour or day by day, the last day or `from` .. `to`."""
    series = None
    if by is not None:
        series = service.metrics.between(*_between(service.clock.now(), since, until, by), by)
    return StatsOut(
        counts=dict(service.manager.counts()),
        load=LoadOut.model_validate(service.dispatcher.load()),
        dead_letters=service.manager.count_letters(),
        last_day=SpanStatsOut.of(service.metrics.last_day()),
        series=None if series is None else [SpanStatsOut.of(tally) for tally in series],
    )


def _between(
    now: datetime, since: datetime | None, until: datetime | None, by: Span
) -> tuple[datetime, datetime]:
    """Return the time that is asked for; raises InvalidOptions where it is none, or too long."""
    try:
        until = (until or now).astimezone(UTC)
        since = (since or until - DAY).astimezone(UTC)
    except OverflowError as error:
        raise InvalidOptions({"from": "That is before or after all time."}) from error
    if since > until:
        raise InvalidOptions({"from": "It ends before it begins."})
    if until - since > LONGEST[by]:
        days = LONGEST[by].days
        raise InvalidOptions({"from": f"By the {by}, at most {days} days are told at once."})
    return since, until
