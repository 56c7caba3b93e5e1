"""What an opened row of the list says about its job: why it is as it is, from where to where, what to do next."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from core.commanding.arguments import in_words
from core.hiding import hidden
from core.models import JobOverview, Run, Value
from core.notifications.rhythm import Expected
from core.schedules import in_words as schedule_in_words
from core.states import RunState
from fastapi_app.presenters.jobs import Action, actions_on, label_of

LONGEST: Final = 500

Said = str | datetime
Fact = tuple[str, Said]


class More(Value, frozen=True, kw_only=True):
    """What an opened row shows: sentences, places, and what can be done next; `log` is the run whose log is meant."""

    id: str
    why: tuple[Fact, ...]
    places: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]
    owner: str
    acts: tuple[Action, ...]
    log: str


def more_of(
    overview: JobOverview, runs: Sequence[Run], *, expected: Expected | None, waits: str, now: datetime
) -> More:
    """Return what there is to say; `runs` has the newest first, `waits` says why the latest does not begin yet."""
    job, run = overview.job, overview.latest_run
    return More(
        id=job.id,
        why=tuple(_why(overview, runs, expected, now, waits)),
        places=tuple(_places(overview)),
        tags=job.tags,
        owner=job.owner,
        acts=() if overview.going else actions_on(overview),
        log=run.id if run and run.attempt else "",
    )


def _why(
    overview: JobOverview, runs: Sequence[Run], expected: Expected | None, now: datetime, waits: str
) -> Sequence[Fact]:
    run = overview.latest_run
    said: list[Fact] = []
    if overview.going is not None:
        said.append(("Deleting", f"by {overview.going.by}" if overview.going.by else "soon"))
        said.append(("Until", overview.going.until))
    if expected is not None and expected.is_late(now):
        said.append(("Late since", expected.deadline))
    if run is None:
        said.append(("State", "It has never run."))
    elif run.state == RunState.FAILED and run.error is not None:
        said += [("Why", run.error.message[:LONGEST]), ("Next step", run.error.hint[:LONGEST])]
        said.append(("Since", _since(runs)))
    elif waits:
        said.append(("Waits", waits))
    elif run.reason:
        said.append(("Why", run.reason[:LONGEST]))
    if run is not None and run.warnings:
        said.append(("Warning", run.warnings[0][:LONGEST]))
    if overview.job.schedule is not None:
        said.append(("Due", schedule_in_words(overview.job.schedule)))
    return [(term, words) for term, words in said if words]


def _since(runs: Sequence[Run]) -> str:
    """Return how many runs in a row failed: "first failure in 12 runs"."""
    over = [run for run in runs if run.over]
    failed = next((place for place, run in enumerate(over) if run.state != RunState.FAILED), len(over))
    if failed == 1:
        good = next(
            (place for place, run in enumerate(over[1:]) if run.state == RunState.FAILED), len(over) - 1
        )
        return f"first failure in {good + 1} runs" if good else "its first run"
    return f"{failed} failures in a row"


def _places(overview: JobOverview) -> Sequence[tuple[str, str]]:
    options = hidden(overview.job.options)
    found = [("Kind", label_of(overview.job.kind))]
    found += [(word, str(options[name])) for name, word in PLACES if options.get(name)]
    if arguments := options.get("argv"):
        found.append(("Command", in_words(arguments, LONGEST)))
    return found


PLACES: Final = (("source", "From"), ("destination", "To"), ("repository", "To"))
"""The options that say from where and to where, and their words."""
