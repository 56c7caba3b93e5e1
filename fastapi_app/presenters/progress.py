"""How far a run at work is, each part ready to show."""

from core.models import Progress
from fastapi_app.presenters import sizes, times
from fastapi_app.presenters.texts import visible


def progress_fields(progress: Progress) -> dict[str, str | int]:
    """Return the fields of a run at work: texts, and the percentage as a number."""
    return {
        "p": percent(progress),
        "s": visible(stage_sentence(progress)),
        "d": sizes.amount_of(progress.done, progress.total, progress.unit) if progress.stage else "",
        "r": sizes.rate(progress.rate, progress.unit),
        "e": times.left(progress.eta_seconds),
        "g": visible(progress.stage),
    }


def percent(progress: Progress) -> int | str:
    """Return the whole percentage, or an empty text while the total is unknown."""
    return "" if progress.percent is None else min(int(progress.percent), 100)


def stage_sentence(progress: Progress) -> str:
    """Return what is being done: "Copy, 148,220 of 212,904 files"."""
    if not progress.stage:
        return "At work"
    said = progress.message or sizes.amount_of(progress.done, progress.total, progress.unit)
    return f"{progress.stage.capitalize()}, {said}" if said else progress.stage.capitalize()
