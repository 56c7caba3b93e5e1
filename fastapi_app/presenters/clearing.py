"""What a job takes away from its source, in words."""

from core.clearing.wishes import ClearingWishes
from fastapi_app.presenters.texts import plural


def deletion_in_words(engine: object) -> tuple[str, ...]:
    """Return what becomes of the source after a copy by an engine; nothing where it is left as it is."""
    if not isinstance(engine, ClearingWishes) or not engine.delete_source:
        return ()
    which = "what was proved" if engine.delete_mode == "each" else "everything, once all of it is proved"
    days = engine.quarantine_days
    how = (
        f"it is kept aside for {plural(days, 'day')} and can be put back" if days else "at once and for good"
    )
    return (f"Then takes away from the source {which}: {how}.", _asking(engine))


def _asking(engine: ClearingWishes) -> str:
    if engine.ask_before_delete:
        return "Before anything is taken away, a person is asked, with the list of it."
    files = plural(engine.delete_most_files, "file")
    share = f"{engine.delete_most_percent:g} % of the source"
    return f"A person is asked before more than {files} or {share} would go."
