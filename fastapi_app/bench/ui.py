"""How the pages feel: how soon they come, how much they weigh, how they keep up with what happens."""

from pathlib import Path

from core.bench.rows import Row
from fastapi_app.bench import ui_first, ui_live, ui_pages


def measure(folder: Path) -> tuple[Row, ...]:
    """Return every figure of the pages; `folder` is for scratch."""
    return (*ui_pages.measure(folder), *ui_first.measure(folder), *ui_live.measure(folder))
