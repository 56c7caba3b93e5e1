"""What runs have taken away from their sources: looked at, put back, let go of."""

from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response

from core.clearing.accounts import Entry, Listed
from core.clearing.orders import Handled
from core.clearing.quarantines import Quarantine, trouble_in, words_to_type
from fastapi_app.api.values import Out
from fastapi_app.dependencies import TheService
from fastapi_app.places import RunId

router = APIRouter(tags=["quarantines"])

MOST: Final = 1_000
PAGE: Final = 100

Offset = Annotated[int, Query(ge=0, le=1_000_000_000)]
Limit = Annotated[int, Query(ge=1, le=MOST)]


class QuarantineOut(Out):
    """What a run took away: `taken` files, of which `files` are aside still and may go for good at `empty_at`.

    `typed` is what is typed to let go of them before that. `receipt_digest` is the BLAKE3 digest of the first `receipt_bytes`
    bytes of the run's receipts.
    """

    run_id: str
    job_id: str
    source: str
    place: str
    stand: Literal["aside", "at once", "put back", "emptied"]
    taken: int
    taken_bytes: int
    files: int
    bytes: int
    days: int
    taken_at: datetime
    empty_at: datetime | None
    confirmed_by: str
    preview: str
    receipt_digest: str
    receipt_bytes: int
    trouble: str
    typed: str

    @classmethod
    def of(cls, one: Quarantine) -> "QuarantineOut":
        """Return it as JSON says it."""
        fields = {name: getattr(one, name) for name in cls.model_fields if name != "typed"}
        return cls(**fields, typed=words_to_type(one) if one.stand == "aside" else "")


class QuarantinesOut(Out):
    """What runs have taken away, the latest first."""

    items: list[QuarantineOut]
    total: int


class KeptOut(Out):
    """A file that stayed aside, and why."""

    path: str
    why: str


class HandledOut(Out):
    """How many files were put back or let go of; the first of those that stay aside, and why nothing more was done."""

    files: int
    bytes: int
    kept: list[KeptOut]
    kept_files: int
    trouble: str

    @classmethod
    def of(cls, handled: Handled) -> "HandledOut":
        """Return it as JSON says it."""
        return cls(
            files=handled.files,
            bytes=handled.bytes,
            kept=[KeptOut(path=kept.path, why=kept.why) for kept in handled.kept],
            kept_files=handled.kept_files,
            trouble=trouble_in(handled),
        )


class ReceiptOut(Out):
    """A file that was taken away, with its digest, how its copy was proved, and what became of it."""

    path: str
    size: int
    algorithm: str
    digest: str
    proved: str
    at: str
    state: Literal["moving", "aside", "gone", "kept", "astray", "back"]
    why: str

    @classmethod
    def of(cls, entry: Entry) -> "ReceiptOut":
        """Return it as JSON says it."""
        return cls.model_validate(entry)


class ListedOut(Out):
    """A file of the list of what would go."""

    path: str
    size: int
    algorithm: str
    digest: str

    @classmethod
    def of(cls, listed: Listed) -> "ListedOut":
        """Return it as JSON says it."""
        return cls.model_validate(listed)


class DeletionOut(Out):
    """Some of what a run would take away, and some of what it took away."""

    preview: list[ListedOut]
    receipt: list[ReceiptOut]


@router.get("/quarantines")
def quarantines(service: TheService, limit: Limit = PAGE, offset: Offset = 0) -> QuarantinesOut:
    """Return what runs have taken away, the latest first."""
    found = service.quarantines.list()
    items = [QuarantineOut.of(one) for one in found[offset : offset + limit]]
    return QuarantinesOut(items=items, total=len(found))


@router.get("/quarantines/{run_id}")
def quarantine(run_id: RunId, service: TheService) -> QuarantineOut:
    """Return what a run has taken away."""
    return QuarantineOut.of(service.quarantines.get(run_id))


@router.post("/quarantines/{run_id}/put-back")
def put_back(run_id: RunId, service: TheService) -> HandledOut:
    """Put back what a run took away; a file that is there again is not written over."""
    return HandledOut.of(service.quarantines.put_back(run_id))


@router.delete("/quarantines/{run_id}")
def empty(
    run_id: RunId,
    service: TheService,
    response: Response,
    typed: Annotated[str, Query(max_length=100)] = "",
) -> HandledOut | None:
    """Let go for good of what a run took away, where its copies are still good; 202 where that goes on by itself."""
    handled = service.quarantines.empty(run_id, typed)
    response.status_code = 202 if handled is None else 200
    return None if handled is None else HandledOut.of(handled)


@router.get("/runs/{run_id}/deletion")
def deletion(run_id: RunId, service: TheService, limit: Limit = PAGE, offset: Offset = 0) -> DeletionOut:
    """Return some of the list that the run would take away, and some of the receipts of what it took away."""
    service.manager.run(run_id)
    desk = service.quarantines
    listed = desk.preview(service.worker.workspace(run_id), offset, limit)
    return DeletionOut(
        preview=[ListedOut.of(one) for one in listed],
        receipt=[ReceiptOut.of(one) for one in desk.receipt(run_id, offset, limit)],
    )
