"""One action on many jobs: those named, or all that match; counted first."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter
from pydantic import Field, StrictBool, model_validator

from core.bulk import Bulk, Verb, Wish, check
from core.listing import JobQuery
from core.models import Trigger
from fastapi_app.api.entries import Entry, PlainText
from fastapi_app.api.values import Out
from fastapi_app.dependencies import Manager, Person

router = APIRouter(tags=["jobs"])

MOST_IDS: Final = 10_000

Action = Literal[
    "start", "pause", "resume", "cancel", "requeue", "enable", "disable", "delete", "tag", "untag"
]
Words = Annotated[list[PlainText], Field(max_length=50)]


class JobFilter(Entry):
    """Which jobs, as in the list of jobs; what is left out matches any."""

    q: PlainText = ""
    state: Words = Field(default_factory=list)
    kind: Words = Field(default_factory=list)
    tag: Words = Field(default_factory=list)

    def query(self) -> JobQuery:
        """Return it as it is asked."""
        return JobQuery(
            text=self.q,
            states=tuple(self.state),
            kinds=tuple(self.kind),
            tags=tuple(self.tag),
            sort="name",
            limit=None,
        )


class BulkEntry(Entry):
    """What to do to which jobs: either `ids`, or all that match a `filter`; an empty one is every job.

    `tag` is for `tag` and `untag`. With `dry_run` nothing is done but counting.
    """

    action: Action
    tag: PlainText = ""
    ids: Annotated[list[PlainText], Field(max_length=MOST_IDS)] | None = None
    filter: JobFilter | None = None
    dry_run: StrictBool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> "BulkEntry":
        if (self.ids is None) == (self.filter is None):
            raise ValueError("Say either `ids` or `filter`.")
        return self


class RefusedOut(Out):
    """A job to which it could not be done, and why."""

    job_id: str
    code: str
    message: str


class BulkOut(Out):
    """How many jobs were meant, to which it was done, and to which not."""

    jobs: int
    done: list[str]
    refused: list[RefusedOut]


@router.post("/jobs/bulk")
def bulk(entry: BulkEntry, manager: Manager, person: Person) -> BulkOut:
    """Do one thing to many jobs, one after the other; one that refuses keeps no other from it.

    Those that come after another of them are started by that one, when it is over.
    """
    work = Bulk(manager)
    wish = Wish(verb=Verb(entry.action), by=person.name, tag=entry.tag, trigger=Trigger.API)
    check(wish)
    meant = work.named(entry.ids or ()) if entry.filter is None else work.matching(entry.filter.query())
    told = () if entry.dry_run else tuple(work.do(wish, meant))
    refused = [one.refusal for one in told if one.refusal is not None]
    return BulkOut(
        jobs=len(meant),
        done=[one.job_id for one in told if one.refusal is None],
        refused=[RefusedOut.model_validate(refusal) for refusal in refused],
    )
