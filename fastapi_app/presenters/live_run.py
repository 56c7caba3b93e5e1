"""How fast a run at work was in the last minutes, and how often it had to be tried."""

from core.models import Run, Value
from fastapi_app.courses import Course
from fastapi_app.presenters import sizes
from fastapi_app.presenters.charts import Spark, spark
from fastapi_app.presenters.texts import plural

FEWEST = 2


class LiveRun(Value, frozen=True, kw_only=True):
    """What the panel of a run at work shows beside its progress; `values` are what the line is drawn through."""

    spark: Spark
    values: str
    retries: int
    retried: str


def live_run_of(run: Run, course: Course) -> LiveRun:
    """Return it for a run whose course is known as far as this process saw it."""
    failed = [attempt for attempt in run.attempts[:-1] if attempt.error is not None]
    return LiveRun(
        spark=spark(course.rates, _said(course)),
        values=" ".join(f"{rate:.0f}" for rate in course.rates),
        retries=len(run.attempts[:-1]),
        retried=failed[-1].error.message if failed and failed[-1].error else _none(run),
    )


def _said(course: Course) -> str:
    if len(course.rates) < FEWEST:
        return "Speed over the last 10 minutes, too little is known yet"
    low, high = sizes.rate(min(course.rates), course.unit), sizes.rate(max(course.rates), course.unit)
    return f"Speed over the last 10 minutes, {low} to {high}"


def _none(run: Run) -> str:
    again = len(run.attempts[:-1])
    return f"{plural(again, 'attempt')} before this one" if again else "none so far"
