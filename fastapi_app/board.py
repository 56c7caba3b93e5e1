"""The dashboard's panels: what each shows now, for the page's first drawing and for its live parts alike."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from core.deciding import QUEUE
from core.errors import NotFound
from core.events import Event, EventsMissed, RegisterChanged
from core.listing import JobQuery
from core.models import JobOverview
from core.places.states import STATE
from core.service import Service
from core.states import RunState
from core.timetable import appointments
from fastapi_app.parts import is_change
from fastapi_app.presenters import course, dashboard, services
from fastapi_app.presenters.course import HOURS, Range
from fastapi_app.presenters.interrupted import interrupted_of
from fastapi_app.presenters.schedules import due_row
from fastapi_app.presenters.throughput import alert_of
from fastapi_app.presenters.usual import overview_foreseen
from fastapi_app.presenters.welcome import first_of

if TYPE_CHECKING:
    from fastapi_app.house import House

MOST_NEXT: Final = 5
TOPIC: Final = "board"
A_DAY: Final = 24
A_MINUTE: Final = 60
FIRST: Final = JobQuery(sort="created", limit=1)

Shown = Mapping[str, Any]


class RunCounted(Event, frozen=True, kw_only=True):
    """A run that ended stands in the figures by now, a moment after it ended."""


COUNTED: Final = RunCounted()


class Board:
    """Says what each panel shows; each answer is the same for everybody."""

    def __init__(self, service: Service, render: Callable[..., str]) -> None:
        self._service = service
        self._manager = service.manager
        self._render = render
        self._kept: dict[str, tuple[Shown, int, Markup]] = {}
        """The panels without forms as they were drawn last: what they showed, and in which minute that was."""

    def everything(self, chip: Range) -> Shown:
        """Return what the whole page shows: of panels with forms what stands in them, of the others their HTML."""
        shown: dict[str, Any] = {"chip": chip}
        for element_id, (template, panel) in PANELS.items():
            if element_id in WITH_FORMS:
                shown |= panel(self)
            else:
                shown[template.partition(".")[0].rpartition("/")[2]] = self._plain(template, panel(self))
        return {**shown, "flow": self._plain("partials/board/flow.html", self.flow(chip), chip)}

    def _plain(self, template: str, shown: Shown, name: str = "") -> Markup:
        """Return a panel; drawn anew where it shows something else, or its ages are of another minute."""
        minute = int(self._service.clock.now().timestamp() // A_MINUTE)
        known = self._kept.get(template + name)
        if known is not None and known[1] == minute and known[0] == shown:
            return known[2]
        html = Markup(self._render(template, **shown))  # noqa: S704 - what templates escape
        self._kept[template + name] = shown, minute, html
        return html

    def says(self) -> Shown:
        """Return the head."""
        service, day = self._service, self._service.metrics.course(A_DAY)
        says = dashboard.says_of(
            service.standing.picture(),
            self._manager.counts(),
            day,
            problems=len(self._manager.problems),
            held=service.waiting_room.is_paused(),
            alert=alert_of(day, service.settings.failure_alert),
        )
        return {"says": says}

    def interrupted(self) -> Shown:
        """Return the runs that were interrupted and wait for a person."""
        some = self._manager.counts().get(RunState.PAUSED)
        runs = self._manager.interrupted_runs() if some else ()
        return {"interrupted": interrupted_of(runs, self._manager.job)}

    def needs(self) -> Shown:
        """Return who needs somebody."""
        picture, rhythm = self._service.standing.picture(), self._service.notifications.rhythm
        expected = {fact.job.id: rhythm.of(fact.job.id) for fact in picture.needs}
        return {"needs": dashboard.needs_of(picture, expected)}

    def figures(self) -> Shown:
        """Return the four figures."""
        picture, day = self._service.standing.picture(), self._service.metrics.course(A_DAY)
        return {"figures": course.figures_of(picture, day)}

    def running(self) -> Shown:
        """Return what runs."""
        picture = self._service.standing.picture()
        rows = [one for job_id in picture.at_work if (one := self._foreseen(job_id)) is not None]
        count = picture.count("at_work")
        return {"running": dashboard.running_of(rows, count, self._service.dispatcher.load())}

    def _foreseen(self, job_id: str) -> JobOverview | None:
        """Return a job with the time that its run still needs, from history where its engine does not say."""
        try:
            overview = self._manager.job(job_id)
        except NotFound:  # it went meanwhile
            return None
        return overview_foreseen(overview, self._service.histories.of(job_id), self._service.clock.now())

    def copies(self) -> Shown:
        """Return how old the newest good copies are."""
        return {"copies": dashboard.copies_of(self._service.standing.picture(), self._service.clock.now())}

    def next_up(self) -> Shown:
        """Return the jobs that are due next, as far as the ticker has planned."""
        now = self._service.clock.now()
        due = appointments(self._manager, self._service.scheduler.soonest(MOST_NEXT), now)
        rows = sorted(due, key=lambda one: one.next_at or now)
        return {"next_up": tuple(map(due_row, rows))}

    def workers(self) -> Shown:
        """Return who carries runs out."""
        service = self._service
        return {"workers": (dashboard.worker_of(service.worker.name, service.dispatcher.load()),)}

    def services(self) -> Shown:
        """Return the places where copies go."""
        book = self._service.destinations
        return {"services": services.services_of(book.list(), book.states(), self._service.clock.now())}

    def recent(self) -> Shown:
        """Return what ended lately."""
        return {"recent": dashboard.recent_of(self._service.standing.picture())}

    def flow(self, chip: Range) -> Shown:
        """Return the chart of some span of time."""
        return {"flow": course.flow_of(self._service.metrics.course(HOURS[chip]), chip)}


PANELS: Final[Mapping[str, tuple[str, Callable[[Board], Shown]]]] = {
    "board-says": ("partials/board/says.html", Board.says),
    "board-interrupted": ("partials/interrupted.html", Board.interrupted),
    "board-needs": ("partials/board/needs.html", Board.needs),
    "board-figures": ("partials/board/figures.html", Board.figures),
    "board-running": ("partials/board/running.html", Board.running),
    "board-copies": ("partials/board/copies.html", Board.copies),
    "board-next": ("partials/board/next.html", Board.next_up),
    "board-workers": ("partials/board/workers.html", Board.workers),
    "board-services": ("partials/board/services.html", Board.services),
    "board-recent": ("partials/board/recent.html", Board.recent),
}
"""Each panel by the id of its element: its template, and what that shows."""

WITH_FORMS: Final = frozenset({"board-says", "board-interrupted", "board-needs", "board-running"})
"""The panels that each page draws for itself, as their forms have a token of its own."""


def add_board(house: "House") -> None:
    """Keep the dashboards that people look at up to date."""
    board, render = house.board, house.templates.render
    house.service.metrics.on_count = partial(house.parts.take, COUNTED)

    def drawn(template: str, shown: Callable[[], Shown]) -> str:
        return render(template, **shown())

    for element_id, (template, panel) in PANELS.items():
        house.parts.add(
            TOPIC, element_id, partial(drawn, template, partial(panel, board)), concerns=_concerns
        )
    house.parts.add("first", "first-copy", partial(_first, house))
    for chip in HOURS:
        shown = partial(board.flow, chip)
        drawing = partial(drawn, "partials/board/flow.html", shown)
        house.parts.add(f"flow-{chip}", f"board-flow-{chip}", drawing, concerns=_counts)


def _first(house: "House") -> str:
    """Return how the job goes that was made first; while there is none, where it will be told."""
    overview = next(iter(house.service.manager.list_jobs(FIRST).items), None)
    first = first_of(overview) if overview else None
    return house.templates.render("partials/board/first.html", first=first)


def _counts(event: Event) -> bool:
    """Tell whether the course of the last hours is another one now."""
    return isinstance(event, RunCounted | EventsMissed)


def _concerns(event: Event) -> bool:
    """Tell whether the dashboard may say something else now."""
    if isinstance(event, RegisterChanged):
        return event.name == QUEUE or event.name.startswith(STATE)
    return is_change(event) or isinstance(event, RunCounted)
