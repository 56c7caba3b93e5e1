"""How long it takes until what a person saved in a file is the job's next version."""

import queue
import random
import statistics
import time
from pathlib import Path
from typing import Final

from core.bench.rows import Beside, Row, at_most
from core.bench.workshop import a_draft, make_unchecked
from core.events import Event, JobEdited
from core.service import Service
from core.settings import Settings

EDITS: Final = 20
PATIENCE: Final = 10.0
QUIET_MS: Final = 100.0


def edit_to_event(folder: Path) -> Row:
    """Return how long it takes until every page is told of an edit; `folder` is for scratch."""
    service = Service(Settings(data=folder / "data", port=0), make_engine=make_unchecked)
    edited: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen(event: Event) -> None:
        if isinstance(event, JobEdited):
            edited.put(event.job.name)

    service.events.subscribe("bench", listen)
    service.start()
    try:
        service.manager.create(a_draft(0))
        path = _written(folder / "data" / "jobs")
        spans = [_span(path, f"Photos, time {number}", edited) for number in range(EDITS)]
    finally:
        service.stop()
    beside = Beside(figure=QUIET_MS, name="the time a file must be left alone")
    return at_most("edit of a file to its event, p50", statistics.median(spans) * 1e3, "ms", 300, beside)


def _written(folder: Path) -> Path:
    """Return the one definition, once it is written."""
    end = time.monotonic() + PATIENCE
    while not (found := tuple(folder.glob("??/*.yaml"))) and time.monotonic() < end:
        time.sleep(0.1)
    return found[0]


def _span(path: Path, name: str, edited: "queue.SimpleQueue[str]") -> float:
    """Return the seconds from saving the file to the event."""
    time.sleep(random.uniform(0.5, 1.0))
    lines = path.read_text().splitlines(keepends=True)
    text = "".join(f'name: "{name}"\n' if line.startswith("name:") else line for line in lines)
    began = time.monotonic()
    path.write_text(text)
    while edited.get(timeout=PATIENCE) != name:
        pass
    return time.monotonic() - began
