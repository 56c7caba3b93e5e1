"""What runs have taken away, as pages show it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from core.clearing.accounts import Entry, Listed
from core.clearing.orders import Handled
from core.clearing.quarantines import Quarantine, trouble_in, words_to_type
from core.models import Value
from fastapi_app.presenters.sizes import size
from fastapi_app.presenters.states import Mark
from fastapi_app.presenters.texts import plural

PAGE: Final = 200

STANDS: Final = {
    "aside": Mark(st="waiting", icon="st-waiting", word="Set aside"),
    "at once": Mark(st="cancelled", icon="st-ok", word="Deleted at once"),
    "put back": Mark(st="ok", icon="st-ok", word="Put back"),
    "emptied": Mark(st="cancelled", icon="st-ok", word="Gone for good"),
}
FILES: Final = {
    "moving": "interrupted",
    "aside": "set aside",
    "gone": "deleted",
    "kept": "stayed",
    "astray": "set aside, another file",
    "back": "put back",
}


class Row(Value, frozen=True, kw_only=True):
    """A run that took files away."""

    run_id: str
    mark: Mark
    amount: str
    aside: str
    source: str
    place: str
    taken_at: datetime
    empty_at: datetime | None
    by: str
    trouble: str
    typed: str


class FileRow(Value, frozen=True, kw_only=True):
    """A file of a list or of a receipt."""

    path: str
    size: str
    digest: str
    proved: str
    became: str


class Files(Value, frozen=True, kw_only=True):
    """Some files, which of them these are, and the addresses of those before and after."""

    rows: tuple[FileRow, ...]
    range: str
    previous: str
    next: str


def row_of(one: Quarantine) -> Row:
    """Return a run that took files away as a row."""
    aside = "" if one.files in {0, one.taken} else f"{one.files:,} of them are aside still"
    return Row(
        run_id=one.run_id,
        mark=STANDS[one.stand],
        amount=f"{plural(one.taken, 'file')}, {size(one.taken_bytes)}",
        aside=aside,
        source=one.source,
        place=one.place,
        taken_at=one.taken_at,
        empty_at=one.empty_at,
        by=one.confirmed_by,
        trouble=one.trouble,
        typed=words_to_type(one) if one.stand == "aside" else "",
    )


def sentence_of(rows: Sequence[Row]) -> str:
    """Return how things stand, in a sentence."""
    aside = sum(bool(row.typed) for row in rows)
    if not aside:
        return "Nothing is set aside at present."
    return f"{plural(aside, 'run has', 'runs have')} set files aside, which can be put back."


def files_of(entries: Sequence[Entry | Listed], address: str, at: int) -> Files:
    """Return a page of files."""
    rows = tuple(_file(entry) for entry in entries[:PAGE])
    more = len(entries) > PAGE
    return Files(
        rows=rows,
        range=f"{at + 1:,} to {at + len(rows):,}" if rows else "",
        previous=f"{address}?at={max(0, at - PAGE)}" if at else "",
        next=f"{address}?at={at + PAGE}" if more else "",
    )


def done_in_words(handled: Handled | None, verb: str) -> str:
    """Return what was done, in words."""
    if handled is None:
        return "It goes on by itself; this page says how it stands."
    return f"{plural(handled.files, 'file')} {verb}. {trouble_in(handled)}".strip()


def _file(entry: Entry | Listed) -> FileRow:
    proved = became = ""
    if isinstance(entry, Entry):
        proved = entry.proved
        became = f"{FILES[entry.state]}: {entry.why}" if entry.why else FILES[entry.state]
    digest = f"{entry.algorithm}:{entry.digest}"
    return FileRow(path=entry.path, size=size(entry.size), digest=digest, proved=proved, became=became)
