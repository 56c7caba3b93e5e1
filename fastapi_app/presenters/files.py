"""Files that runs left for people, as their page shows them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from core.kept_files import KeptFile, Kind, totals_of
from core.models import Value
from fastapi_app.presenters.sizes import size
from fastapi_app.presenters.texts import plural

PAGE: Final = 50
WORDS: Final[Mapping[Kind, tuple[str, str, str]]] = {
    Kind.RESULT: ("Results", "i-files", "What programs left"),
    Kind.MANIFEST: ("Manifests", "i-book", "The digest of every file of a copy"),
    Kind.RECEIPT: ("Receipts", "i-backup", "What was taken away, and where its copy was proved"),
    Kind.LOG: ("Logs", "i-list", "What runs said"),
    Kind.BACKUP: ("Own backups", "i-store", "Holdfast's own state, packed"),
}
ONE: Final[Mapping[Kind, str]] = {
    Kind.RESULT: "Result",
    Kind.MANIFEST: "Manifest",
    Kind.RECEIPT: "Receipts",
    Kind.LOG: "Log",
    Kind.BACKUP: "Own backup",
}


class Whose(Value, frozen=True, kw_only=True):
    """The run that left a file: its job, its number, and what it calls the file."""

    job_id: str
    job: str
    number: int
    called: str = ""


class FileRow(Value, frozen=True, kw_only=True):
    """A file; what is known of its run no more has no `whose`."""

    kind: Kind
    word: str
    icon: str
    name: str
    size: str
    at: datetime
    run_id: str
    whose: Whose | None
    address: str


class Chip(Value, frozen=True, kw_only=True):
    """A kind of file to choose, with how many there are."""

    word: str
    count: int
    address: str
    chosen: bool


class FilesView(Value, frozen=True, kw_only=True):
    """The page."""

    sentence: str
    q: str
    kind: str
    rows: tuple[FileRow, ...]
    chips: tuple[Chip, ...]
    matching: str
    filtered: bool
    newer: str
    older: str


def files_view(
    files: Sequence[KeptFile],
    matching: Sequence[KeptFile],
    whose: Mapping[KeptFile, Whose],
    *,
    kind: str,
    q: str,
    at: int,
    whole: bool,
) -> FilesView:
    """Return the page of what matches, from the file number `at` on; `whose` knows the run of each that is shown."""
    totals = totals_of(files)
    taken = sum(bytes_ for _, bytes_ in totals.values())
    sentence = (
        f"{plural(len(files), 'file')}{'' if whole else ' or more'}, {size(taken)}."
        if files
        else "Nothing was left yet."
    )
    chips = (
        Chip(word="All", count=len(files), address=_address(q=q), chosen=not kind),
        *(
            Chip(word=WORDS[each][0], count=count, address=_address(kind=each, q=q), chosen=kind == each)
            for each, (count, _) in totals.items()
            if count or kind == each
        ),
    )
    return FilesView(
        sentence=sentence,
        q=q,
        kind=kind,
        rows=tuple(_row(file, whose) for file in matching[at : at + PAGE]),
        chips=chips,
        matching=f"{plural(len(matching), 'file')}, {size(sum(file.bytes for file in matching))}",
        filtered=bool(kind or q),
        newer=_address(kind=kind, q=q, at=max(0, at - PAGE)) if at else "",
        older=_address(kind=kind, q=q, at=at + PAGE) if len(matching) > at + PAGE else "",
    )


def _row(file: KeptFile, whose: Mapping[KeptFile, Whose]) -> FileRow:
    known = whose.get(file)
    if file.kind is Kind.RESULT and known is not None and known.called:
        name = known.called
    else:
        name = file.name if file.kind is Kind.BACKUP else ONE[file.kind]
    return FileRow(
        kind=file.kind,
        word=ONE[file.kind],
        icon=WORDS[file.kind][1],
        name=name,
        size=size(file.bytes),
        at=file.at,
        run_id=file.run_id,
        whose=known,
        address=f"/files/{file.kind}/{file.name}",
    )


def _address(*, kind: str = "", q: str = "", at: int = 0) -> str:
    asked = {"kind": kind, "q": q, "at": str(at) if at else ""}
    words = {name: value for name, value in asked.items() if value}
    return f"/files?{urlencode(words)}" if words else "/files"
