"""Destinations: places for copies, which admins make, change, test and remove; everybody sees how they are."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Response
from pydantic import Field, StrictBool, StrictInt

from core.destinations.known import Destination, DestinationType
from core.people import Role
from core.places.drafts import DestinationDraft, DestinationPatch
from core.places.forms import Form, form_of, forms
from core.places.states import NO_HISTORY, DestinationState, Seen, Standing, Trend, standing_of
from core.service import Service
from fastapi_app.api.entries import Entry, Options, PlainText
from fastapi_app.api.values import Out
from fastapi_app.api.versions import IfMatch, agreed, etag
from fastapi_app.auth import Person as SomePerson
from fastapi_app.dependencies import Person, TheService

router = APIRouter(prefix="/destinations", tags=["destinations"])

T = TypeVar("T")

SecretText = Annotated[str, Field(max_length=65_536)]
SecretName = Annotated[str, Field(max_length=80)]

LOOKING = CapacityLimiter(8)
"""How many look at destinations at once: such a look may take its time, and keeps nobody else from a thread."""


class FormOut(Out):
    """One way to ask for a destination: its fields as JSON Schema; a secret among them has `writeOnly`."""

    id: str
    type: DestinationType
    label: str
    summary: str
    fixed: dict[str, Any]
    fields: dict[str, Any]

    @classmethod
    def of(cls, form: Form) -> "FormOut":
        """Return the form as JSON says it."""
        return cls.model_construct(
            id=form.id,
            type=form.type,
            label=form.label,
            summary=form.summary,
            fixed=dict(form.fixed),
            fields=form.json_schema,
        )


class LockOut(Out):
    """A lock there, who holds it, and whether they are gone as far as can be known."""

    id: str
    host: str
    user: str
    pid: int
    since: datetime | None
    exclusive: bool
    stale: bool
    words: str


class SeenOut(Out):
    """What one look found. Sizes are bytes, null where they cannot be told."""

    reachable: bool
    sentence: str
    hint: str
    code: str
    free: int | None
    total: int | None
    used: int | None
    facts: list[str]
    warnings: list[str]
    locks: list[LockOut]
    snapshots: int | None
    newest_at: datetime | None
    program: str
    prepared: bool
    fingerprints: list[str]
    host_key: str

    @classmethod
    def of(cls, seen: Seen) -> "SeenOut":
        """Return what was seen as JSON says it."""
        return cls.model_validate(seen)


class StateOut(Out):
    """What was last seen, when, and since when it is so; without `seen`, who asks may not know more."""

    at: datetime
    since: datetime
    reachable: bool
    free: int | None
    total: int | None
    used: int | None
    seen: SeenOut | None

    @classmethod
    def of(cls, state: DestinationState, *, whole: bool) -> "StateOut":
        """Return the state as JSON says it; what only admins may know only where it is `whole`."""
        seen = state.seen
        return cls.model_construct(
            at=state.at,
            since=state.since,
            reachable=seen.reachable,
            free=seen.free,
            total=seen.total,
            used=seen.used,
            seen=SeenOut.of(seen) if whole else None,
        )


class SampleOut(Out):
    """What was used and free on a day."""

    day: date
    used: int | None
    free: int | None


class OutlookOut(Out):
    """Where it goes at this pace."""

    trend: Trend
    growth_per_day: int | None
    full_on: date | None
    words: str


class DestinationOut(Out):
    """A destination. Its settings and the names of its secrets are for admins; secrets are never told.

    `standing` is grey ("unknown") where nobody has seen it of late.
    """

    id: str
    name: str
    type: DestinationType
    form: str
    settings: dict[str, Any]
    secrets: list[str]
    version: int
    created_at: datetime
    updated_at: datetime
    standing: Standing
    state: StateOut | None
    outlook: OutlookOut

    @classmethod
    def of(
        cls, destination: Destination, state: DestinationState | None, now: datetime, *, whole: bool
    ) -> "DestinationOut":
        """Return the destination as JSON says it; what only admins may know only where it is `whole`."""
        return cls.model_construct(
            id=destination.id,
            name=destination.name,
            type=destination.type,
            form=form_of(destination).id,
            settings=dict(destination.settings) if whole else {},
            secrets=list(destination.secrets) if whole else [],
            version=destination.version,
            created_at=destination.created_at,
            updated_at=destination.updated_at,
            standing=standing_of(state, now),
            state=StateOut.of(state, whole=whole) if state else None,
            outlook=OutlookOut.model_validate(state.outlook if state else NO_HISTORY),
        )


class DestinationShown(DestinationOut):
    """A destination with what takes longer to find: who uses it, and what was seen day by day."""

    used_by: list[str]
    samples: list[SampleOut]


class DestinationsOut(Out):
    """Every destination, in the order of their names."""

    items: list[DestinationOut]


class FormsOut(Out):
    """Every way to ask for a destination."""

    items: list[FormOut]


class DestinationEntry(Entry):
    """A new destination: settings by its type, and the values of its secrets, which are never told again."""

    name: PlainText
    type: DestinationType
    settings: Options = Field(default_factory=dict)
    secrets: dict[SecretName, SecretText] = Field(default_factory=dict, max_length=50, repr=False)

    def draft(self) -> DestinationDraft:
        """Return it as it is kept."""
        return DestinationDraft(name=self.name, type=self.type, settings=self.settings, secrets=self.secrets)


class TrialEntry(DestinationEntry):
    """A destination to be looked at; `id` is of one that is kept, whose secrets count where none is given."""

    name: PlainText = "trial"
    id: PlainText = ""


class PrepareEntry(Entry):
    """For a new repository: its password, or that one is to be made."""

    password: SecretText = Field(default="", repr=False)
    generate: StrictBool = False


class PreparedOut(Out):
    """What was seen after preparing; `password` is one that was made, and is never told again."""

    state: StateOut
    password: str | None


class UnlockedOut(Out):
    """What came of unlocking."""

    state: StateOut
    sentence: str


class DestinationChange(Entry):
    """What of a destination is to be changed. A secret that is not named stays; one that is null goes."""

    version: Annotated[StrictInt, Field(ge=1)] | None = None
    name: PlainText | None = None
    settings: Options | None = None
    secrets: dict[SecretName, SecretText | None] = Field(default_factory=dict, max_length=50, repr=False)

    def patch(self) -> DestinationPatch:
        """Return it as it is decided about."""
        said = {name: getattr(self, name) for name in ("name", "settings") if getattr(self, name) is not None}
        return DestinationPatch(**said, secrets=self.secrets)


@router.get("/types")
def types() -> FormsOut:
    """Return every way to ask for a destination, the most common first."""
    return FormsOut(items=[FormOut.of(form) for form in forms()])


@router.get("")
def every(service: TheService, person: Person) -> DestinationsOut:
    """Return every destination, with what was last seen of it."""
    states, now, whole = service.destinations.states(), service.clock.now(), _is_admin(person)
    items = [
        DestinationOut.of(each, states.get(each.id), now, whole=whole) for each in service.destinations.list()
    ]
    return DestinationsOut.model_construct(items=items)


@router.post("", status_code=201)
def create(
    entry: DestinationEntry, service: TheService, person: Person, response: Response
) -> DestinationOut:
    """Keep a new destination; its id is made from its name and stays."""
    made = service.destinations.create(entry.draft())
    response.headers["Location"] = f"/api/v1/destinations/{made.id}"
    return _shown(service, made, person, response)


@router.post("/test")
async def try_out(entry: TrialEntry, service: TheService) -> SeenOut:
    """Look at a destination as entered, without keeping it; with the `id` of one, as it would be after the change."""
    return SeenOut.of(await _looking(lambda: service.probes.try_out(entry.draft(), entry.id)))


@router.get("/{destination_id}")
def show(destination_id: str, service: TheService, person: Person, response: Response) -> DestinationShown:
    """Return the destination, who uses it, and what was seen of it day by day."""
    destination = service.destinations.destination(destination_id)
    out = _shown(service, destination, person, response)
    state = service.destinations.state(destination_id)
    samples = [SampleOut.model_validate(each) for each in state.samples] if state else []
    fields = {name: getattr(out, name) for name in DestinationOut.model_fields}
    return DestinationShown.model_construct(
        **fields, used_by=list(service.destinations.users(destination_id)), samples=samples
    )


@router.patch("/{destination_id}")
def change(
    destination_id: str,
    change: DestinationChange,
    service: TheService,
    person: Person,
    response: Response,
    named: IfMatch,
) -> DestinationOut:
    """Change a destination that is still at the version named in the body or as If-Match."""
    book = service.destinations
    version = agreed(named, change.version).of(lambda: book.destination(destination_id).version)
    return _shown(service, book.edit(destination_id, version, change.patch()), person, response)


@router.delete("/{destination_id}", status_code=204)
def remove(destination_id: str, service: TheService, named: IfMatch) -> None:
    """Remove a destination and its secrets; what lies there stays. Refused while jobs use it."""
    book = service.destinations
    version = named.of(lambda: book.destination(destination_id).version) if named else None
    book.remove(destination_id, version)


@router.post("/{destination_id}/test")
async def test(destination_id: str, service: TheService) -> StateOut:
    """Look at a destination now; it takes 20 seconds at most, and changes nothing there."""
    why = f"tested destination {destination_id[:80]}"
    return StateOut.of(await _looking(lambda: service.probes.test(destination_id, why=why)), whole=True)


@router.post("/{destination_id}/prepare")
async def prepare(destination_id: str, entry: PrepareEntry, service: TheService) -> PreparedOut:
    """Make the folder with its marker, or a new repository. A password that was made is in the answer this once."""
    prepared = await _looking(
        lambda: service.probes.prepare(destination_id, password=entry.password, generate=entry.generate)
    )
    return PreparedOut(state=StateOut.of(prepared.state, whole=True), password=prepared.password or None)


@router.post("/{destination_id}/unlock")
async def unlock(destination_id: str, service: TheService) -> UnlockedOut:
    """Have the locks of a repository removed that nobody holds any more, as restic judges; never all of them."""
    unlocked = await _looking(lambda: service.probes.unlock(destination_id))
    return UnlockedOut(state=StateOut.of(unlocked.state, whole=True), sentence=unlocked.sentence)


async def _looking(look: Callable[[], T]) -> T:
    """Return what a look finds, without keeping a thread that others wait for; who hangs up waits no longer."""
    return await to_thread.run_sync(look, limiter=LOOKING, abandon_on_cancel=True)


def _shown(
    service: Service, destination: Destination, person: SomePerson, response: Response
) -> DestinationOut:
    response.headers["ETag"] = etag(destination.version)
    state = service.destinations.state(destination.id)
    return DestinationOut.of(destination, state, service.clock.now(), whole=_is_admin(person))


def _is_admin(person: SomePerson) -> bool:
    return person.may(Role.ADMIN)
