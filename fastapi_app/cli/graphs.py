"""`holdfast job graph`, and the whole graph in the other commands about jobs."""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
import typer

from core.errors import InvalidOptions, NotFound
from core.listing import NEVER_RUN, state_of
from core.models import Job, JobOverview, Value
from core.ordering import children, levels
from core.states import AT_WORK, RunState
from fastapi_app.cli.finding import Which, find_job
from fastapi_app.cli.house import House, OwnHouse, the_house
from fastapi_app.cli.terminal import AsJson, Data, note, say, say_json, shown
from fastapi_app.presenters.texts import plural

LOOK_EVERY: Final = 0.5
MOST: Final = 1_000
FAILED: Final = 1
GOING: Final = AT_WORK | {RunState.QUEUED, RunState.SCHEDULED}
"""What goes on by itself; what is paused or blocked waits for something else."""


class GraphJob(Value, frozen=True, kw_only=True):
    """A job of a graph, what it comes after, and the state it shows."""

    id: str
    name: str
    enabled: bool = True
    after: tuple[str, ...] = ()
    state: str = NEVER_RUN
    run_id: str | None = None

    @classmethod
    def of(cls, item: JobOverview) -> "GraphJob":
        """Return the job as part of a graph."""
        job, run = item.job, item.latest_run
        return cls(
            id=job.id,
            name=job.name,
            enabled=job.enabled,
            after=job.after,
            state=state_of(item),
            run_id=run.id if run else None,
        )


def graph(
    which: Which,
    *,
    start: Annotated[bool, typer.Option("--start", help="Start all of it, from where it begins.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Stop every run of it for good.")] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Run again what failed or was cancelled, and what follows.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch/--no-watch", help="Follow it to its end.")] = True,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show the jobs that a job comes after and those that come after it, or do something to all of them."""
    verbs = [verb for verb, wanted in (("start", start), ("cancel", cancel), ("retry", retry)) if wanted]
    if len(verbs) > 1:
        raise InvalidOptions({"graph": f"Say one of --{' and --'.join(verbs)}, not both."})
    begins = bool(verbs) and verbs[0] != "cancel"
    with the_house(data, at_work=begins) as house:
        job = find_job(house, which).job
        if verbs:
            act_on(house, job.id, verbs[0])
        found = (
            carried_through(house, job, watch=watch and not as_json) if begins else graph_of(house, job.id)
        )
    _tell(found, as_json=as_json)
    raise typer.Exit(FAILED if begins and any(one.state == RunState.FAILED for one in found) else 0)


def graph_of(house: House, job_id: str) -> tuple[GraphJob, ...]:
    """Return every job that is connected with one, that one first."""
    if isinstance(house, OwnHouse):
        connected = house.manager.graph_of(job_id)
        found = tuple(GraphJob.of(item) for item in _overviews(house, connected[:MOST]))
        total = len(connected)
    else:
        answer = _ask(house, "GET", job_id)
        found = tuple(_graph_job(item) for item in answer["jobs"])
        total = answer["total"]
    if total > len(found):
        note(f"{plural(total - len(found), 'job')} further away not shown.")
    return found


def act_on(house: House, job_id: str, verb: str) -> None:
    """Start, cancel or retry the whole graph."""
    if isinstance(house, OwnHouse):
        match verb:
            case "start":
                house.manager.start_graph(job_id, asked_by="cli")
            case "cancel":
                house.manager.cancel_graph(job_id)
            case "retry":
                house.manager.retry_graph(job_id, asked_by="cli")
    else:
        _ask(house, "POST", job_id, verb)


def carried_through(house: House, job: Job, *, watch: bool) -> tuple[GraphJob, ...]:
    """Return the graph once nothing of it goes on, telling what changes; at once where nobody wants to watch.

    Where no server runs, this command carries out what is in line.
    """
    known: dict[str, str] = {}
    while True:
        found = graph_of(house, job.id)
        if watch:
            known = _told(found, known)
        queued = next((one for one in found if one.state == RunState.QUEUED), None)
        if isinstance(house, OwnHouse):
            if queued is None or queued.run_id is None:
                return found
            house.carry_out(house.run(queued.run_id))
        elif not watch or not any(one.state in GOING for one in found):
            return found
        else:
            time.sleep(LOOK_EVERY)


def _told(found: Sequence[GraphJob], known: Mapping[str, str]) -> dict[str, str]:
    for one in found:
        if known and known.get(one.id) != one.state:
            say(f"{shown(one.name)} is {one.state}.")
    return {one.id: one.state for one in found}


def _ask(house: House, method: str, job_id: str, verb: str = "") -> Any:  # noqa: ANN401 - the JSON answer
    from fastapi_app.cli.door import RemoteHouse  # noqa: PLC0415 - only where a server runs

    assert isinstance(house, RemoteHouse)  # noqa: S101 - there are two kinds of houses
    return house.ask(method, f"/jobs/{quote(job_id, safe='')}/graph" + (f"/{verb}" if verb else ""))


def _graph_job(answer: Mapping[str, Any]) -> GraphJob:
    fields = GraphJob.__struct_fields__
    return msgspec.convert({name: answer[name] for name in fields if name in answer}, GraphJob)


def _overviews(house: OwnHouse, job_ids: Sequence[str]) -> list[JobOverview]:
    found = []
    for job_id in job_ids:
        try:
            found.append(house.job(job_id))
        except NotFound:  # a parent that was deleted meanwhile
            continue
    return found


def _tell(found: Sequence[GraphJob], *, as_json: bool) -> None:
    if as_json:
        say_json(found)
        return
    for line in tree(found):
        say(shown(line))


def tree(jobs: Sequence[GraphJob]) -> list[str]:
    """Return the graph as lines: every job once, below the last of those it comes after."""
    known = {job.id: job for job in sorted(jobs, key=lambda job: job.name.casefold())}
    level = levels({job.id: job.after for job in jobs}, known)
    parent = {
        job.id: max(
            (one for one in job.after if level.get(one, level[job.id]) < level[job.id]),
            key=level.__getitem__,
            default="",
        )
        for job in known.values()
    }
    below = children({job_id: (one,) for job_id, one in parent.items() if one})
    roots = sorted((one for one in known if not parent[one]), key=level.__getitem__)
    waiting = [(one, "", "") for one in reversed(roots)]
    lines = []
    while waiting:
        job_id, lead, branch = waiting.pop()
        lines.append(f"{lead}{branch}{_line(known[job_id], parent[job_id], known)}")
        inner = lead + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
        found = below.get(job_id, ())
        ends = ("├─ ",) * (len(found) - 1) + ("└─ ",)
        waiting += reversed([(one, inner, end) for one, end in zip(found, ends, strict=False)])
    return lines


def _line(job: GraphJob, parent: str, known: Mapping[str, GraphJob]) -> str:
    others = [known[one].name for one in job.after if one != parent and one in known]
    also = f", also after {', '.join(others)}" if others else ""
    return f"{job.name}  {job.state}{'' if job.enabled else ', switched off'}{also}"
