"""What Holdfast keeps, and what of it could not be read."""

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import unquote_to_bytes

from fastapi import APIRouter, Query
from msgspec.structs import replace

from core.errors import Refused
from core.holdings import Holdings, OwnBackup, Problem, PutAside
from core.housekeeping import ChoreState
from core.retention import Keeping
from fastapi_app.api.values import Out
from fastapi_app.auth import Person as SomePerson
from fastapi_app.dependencies import Person, TheService
from fastapi_app.refusals import OnlyHere

LONGEST_PLACE: Final = 12_300
"""Three characters for each byte of the longest path."""

router = APIRouter(prefix="/store", tags=["store"])


class AmountOut(Out):
    """How much of the disk something takes, and how many files it is."""

    bytes: int
    files: int


class RoomOut(Out):
    """What is left on the disk, in bytes; `short` is less than 64 MB or a twentieth."""

    free: int
    total: int
    short: bool


class SampleOut(Out):
    """How much everything took at a moment."""

    at: datetime
    bytes: int


class OwnBackupOut(Out):
    """A backup of Holdfast's own state; `verified_at` is when it was read back and found whole."""

    name: str
    made_at: datetime
    bytes: int
    verified_at: datetime | None


class KeepingOut(Out):
    """How long things are kept: of each job `runs` at least, and those not older than `days`."""

    runs: int
    days: int
    logs_days: int
    logs_bytes: int

    @classmethod
    def of(cls, keeping: Keeping) -> Self:
        """Return the settings as JSON says them."""
        return cls(
            runs=keeping.runs,
            days=keeping.runs_for.days,
            logs_days=keeping.logs_for.days,
            logs_bytes=keeping.log_bytes,
        )


class OutlookOut(Out):
    """What would go now; not `whole` says that there may be more."""

    runs: int
    logs: int
    log_bytes: int
    whole: bool


class FlawOut(Out):
    """Something that could not be read; `kept` is where its bytes were put aside, `job_id` whose it is."""

    path: str
    line: int | None
    column: int | None
    message: str
    job_id: str | None
    kept: str | None


class PutAsideOut(Out):
    """Something in quarantine."""

    name: str
    bytes: int
    at: datetime


class ChoreOut(Out):
    """Something that is done every so often; `trouble` says why it was not, the last time."""

    name: str
    done_at: datetime | None
    failed_at: datetime | None
    trouble: str


class StoreOut(Out):
    """What there is, as of `at`. Not `whole` while some folders have never been weighed.

    `troubles` says what keeps the store in order and could not be done, and why.
    """

    at: datetime
    jobs: int
    runs: int
    older_runs: int
    bytes: int
    parts: dict[str, AmountOut]
    whole: bool
    room: RoomOut | None
    first: SampleOut | None
    checkpoint_at: datetime | None
    backup: OwnBackupOut | None
    earliest: datetime | None
    keeping: KeepingOut
    outlook: OutlookOut
    problems: list[FlawOut]
    quarantine: list[PutAsideOut]
    chores: list[ChoreOut]
    troubles: list[str]


class MadeOut(Out):
    """A backup of Holdfast's own state that was made and read back: up to which change, and where it is."""

    path: str
    size: int
    number: int
    taken: int
    jobs: int
    runs: int
    files: int
    bytes: int


class FreedOut(Out):
    """What compacting made of the data folder, in bytes on the disk; of each part, what it lost."""

    before: int
    after: int
    parts: dict[str, int]


@router.post("/backup", status_code=201)
def back_up(
    service: TheService,
    person: Person,
    *,
    with_logs: bool = False,
    into: Annotated[str | None, Query(max_length=LONGEST_PLACE)] = None,
) -> MadeOut:
    """Back Holdfast's own state up, read it back, and open it to see that it is whole.

    `into` is a new file, for commands on the same machine alone: its path in full, percent-encoded once more,
    and in the answer too.
    """
    if into is None:
        made = service.back_up_own_state(with_logs=with_logs)
    else:
        made = service.back_up_into(_place(into, person), with_logs=with_logs)
        made = replace(made, path=into)
    service.stock.forget()
    return MadeOut.model_validate(made)


def _place(text: str, person: SomePerson) -> Path:
    """Return the file that a command on this machine names; raises OnlyHere for anybody else."""
    if not person.local:
        raise OnlyHere
    place = Path(os.fsdecode(unquote_to_bytes(text)))
    if not place.is_absolute() or "\0" in str(place):
        raise Refused(f"{str(place)!a} is no path in full.", hint="Name it from the root on.")
    return place


@router.post("/compact")
def compact(service: TheService) -> FreedOut:
    """Let go of everything that is not needed any more."""
    freed = service.compact()
    service.stock.forget()
    return FreedOut.model_validate(freed)


@router.get("")
def store(service: TheService) -> StoreOut:
    """Return what there is, how safe it is, how long it is kept, and what could not be read."""
    problems, aside = service.manager.problems, service.stock.quarantine()
    holdings, chores = service.stock.holdings(), service.housekeeping.states()
    return store_out(holdings, problems, aside, chores, service.troubles)


def store_out(
    holdings: Holdings,
    problems: tuple[Problem, ...],
    aside: tuple[PutAside, ...],
    chores: tuple[ChoreState, ...],
    troubles: tuple[str, ...],
) -> StoreOut:
    """Return all of it as JSON says it."""
    backup: OwnBackup | None = holdings.reach.backup
    return StoreOut(
        at=holdings.at,
        jobs=holdings.jobs,
        runs=holdings.runs,
        older_runs=holdings.older_runs,
        bytes=holdings.bytes,
        parts={part.value: AmountOut.model_validate(amount) for part, amount in holdings.parts.items()},
        whole=holdings.whole,
        room=RoomOut.model_validate(holdings.room) if holdings.room else None,
        first=SampleOut.model_validate(holdings.first) if holdings.first else None,
        checkpoint_at=holdings.checkpoint_at,
        backup=OwnBackupOut.model_validate(backup) if backup else None,
        earliest=holdings.reach.earliest,
        keeping=KeepingOut.of(holdings.keeping),
        outlook=OutlookOut.model_validate(holdings.outlook),
        problems=[FlawOut.model_validate(problem) for problem in problems],
        quarantine=[PutAsideOut.model_validate(kept) for kept in aside],
        chores=[ChoreOut.model_validate(chore) for chore in chores],
        troubles=list(troubles),
    )
