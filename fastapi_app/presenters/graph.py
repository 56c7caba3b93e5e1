"""The jobs that follow one another, as a drawing and as a list."""

from collections.abc import Mapping, Sequence
from typing import Final

from core.models import JobOverview, Value
from core.ordering import levels
from core.states import RunState
from fastapi_app.presenters.layering import HEIGHT, IN_SIGHT, WIDTH, Point, laid_out
from fastapi_app.presenters.states import Mark, edition, mark_of_job
from fastapi_app.presenters.texts import plural

MOST_DRAWN: Final = 200
MOST_LIVE: Final = 90
"""How many a page can be told of as they change."""
LONGEST_NAME: Final = 19
ARROW: Final = 5
WIDE: Final = 640
"""From where on a job may be out of sight."""


class Node(Value, frozen=True, kw_only=True):
    """A job in its place; `lead` is what it comes after, in words."""

    id: str
    name: str
    short: str
    mark: Mark
    version: str
    x: int
    y: int
    here: bool
    live: bool
    off: bool
    lead: str


class GraphAction(Value, frozen=True, kw_only=True):
    """What can be done to all of it."""

    verb: str
    word: str
    look: str = ""


class GraphView(Value, frozen=True, kw_only=True):
    """The drawing: nodes, the ways between them as one path and their arrowheads as another."""

    width: int
    height: int
    box: Point
    nodes: tuple[Node, ...]
    ways: str
    arrows: str
    label: str
    more: str
    large: bool
    actions: tuple[GraphAction, ...]


def graph_view(job_id: str, items: Sequence[JobOverview], total: int) -> GraphView | None:
    """Return the drawing of jobs that are connected, the one it is about first; None for one that is alone."""
    if total <= 1:
        return None
    drawn = {item.job.id: item for item in items[:MOST_DRAWN]}
    after = {one: item.job.after for one, item in drawn.items()}
    layout = laid_out(after, tuple(drawn))
    names = {one: item.job.name for one, item in drawn.items()}
    order = levels(after, drawn)
    live = set(tuple(drawn)[:MOST_LIVE]) - {job_id}
    return GraphView(
        width=layout.width,
        height=layout.height,
        box=(WIDTH, HEIGHT),
        nodes=tuple(
            _node(drawn[one], layout.places[one], names, here=one == job_id, live=one in live)
            for one in sorted(drawn, key=lambda one: (order[one], layout.places[one][1]))
        ),
        ways="".join(map(_way, layout.ways)),
        arrows="".join(_arrow(way[-1]) for way in layout.ways),
        label=f"{plural(len(drawn), 'job')} that follow one another, from left to right",
        more=_more(total, len(drawn)),
        large=layout.width > WIDE or layout.height > IN_SIGHT,
        actions=tuple(_actions(items)),
    )


def _node(item: JobOverview, place: Point, names: Mapping[str, str], *, here: bool, live: bool) -> Node:
    job = item.job
    parents = [names.get(one, "one that is not shown") for one in job.after]
    return Node(
        id=job.id,
        name=job.name,
        short=job.name if len(job.name) <= LONGEST_NAME else f"{job.name[: LONGEST_NAME - 1]}…",
        mark=mark_of_job(item),
        version=edition(item),
        x=place[0],
        y=place[1],
        here=here,
        live=live,
        off=not job.enabled,
        lead=f"after {', '.join(parents)}" if parents else "",
    )


def _way(points: Sequence[Point]) -> str:
    """Return a way as a path that leaves and arrives level."""
    (x, y), *rest = points
    said = f"M{x} {y}"
    for across, down in rest:
        middle = (x + across) // 2
        said += f"H{across}" if down == y else f"C{middle} {y} {middle} {down} {across} {down}"
        x, y = across, down
    return said


def _arrow(point: Point) -> str:
    x, y = point
    return f"M{x} {y}l-{ARROW + 2} -{ARROW}v{2 * ARROW}z"


def _more(total: int, shown: int) -> str:
    return f"{plural(total - shown, 'job')} further away not drawn." if total > shown else ""


def _actions(items: Sequence[JobOverview]) -> list[GraphAction]:
    """Return what can be done to all of it as it is now."""
    runs = [item.latest_run for item in items if item.latest_run is not None]
    going = any(not run.over for run in runs)
    bad = any(run.state in {RunState.FAILED, RunState.CANCELLED} for run in runs)
    found = [] if going else [GraphAction(verb="start", word="Start all")]
    found += [GraphAction(verb="retry", word="Retry from the failed", look="primary")] if bad else []
    found += [GraphAction(verb="cancel", word="Cancel all", look="danger")] if going else []
    return found
