"""How pages keep up with what happens: what it costs the server, and how soon people see it."""

from pathlib import Path

from core.bench.rows import Row
from fastapi_app.bench import ui_crowd, ui_watch


def measure(folder: Path) -> tuple[Row, ...]:
    """Return every figure of what is live; `folder` is for scratch."""
    return (*ui_crowd.measure(folder), *ui_watch.measure(folder))
