"""The destinations there are: made, changed and removed by admins, found by jobs."""

import contextlib
import logging
import secrets
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol

from msgspec import UNSET
from msgspec.structs import replace

from core.acting import actor
from core.clock import Clock
from core.deciding import BREAKER, check_version
from core.destinations.known import Destination
from core.destinations.registered import DESTINATION, Kept, Registered, destination_of, kept_in, value_of
from core.destinations.secret_files import SecretFiles, Stamps
from core.errors import HoldfastError, InvalidOptions, NotFound, Refused, StorageFailed, WrongState
from core.lining import Change
from core.models import NOTHING
from core.packed import thawed
from core.places import remote
from core.places.addresses import problems_of_move
from core.places.drafts import DestinationDraft, DestinationPatch, checked, slug_of
from core.places.states import STATE, DestinationState, state_in
from core.places.users import Jobs, users_of
from core.repositories.reconciling import REGISTER as SNAPSHOTS

log = logging.getLogger(__name__)

MOST: Final = 2_000
NAMED_AT_MOST: Final = 5
TRIAL: Final = "trial-"
RESERVED: Final = frozenset({"new", "test", "types"})
"""What addresses have in the place of an id."""


Reader = Callable[[str], Mapping[str, Any] | None]
"""Returns what a register has at the moment of a decision."""


class House(Jobs, Protocol):
    """Where destinations are kept, and the jobs that use them: the manager."""

    def register(self, name: str) -> Mapping[str, Any] | None:
        """Return what a register has; None where there is none."""
        ...

    def registers(self, beginning: str) -> Mapping[str, Mapping[str, Any]]:
        """Return the registers whose names begin like that."""
        ...

    def change_registers(self, change: Change, *, why: str = "") -> None:
        """Have registers as `change` makes them of what they are; durable when it returns."""
        ...


class Trial:
    """A destination that is not kept, and finds itself and its secrets."""

    def __init__(self, destination: Destination, stamps: Stamps, files: SecretFiles) -> None:
        self.destination = destination
        self._stamps = stamps
        self._files = files

    def find(self, destination_id: str) -> Destination | None:
        """Return the destination of that id; None where there is none."""
        return self.destination if destination_id == self.destination.id else None

    def secret(self, destination_id: str, name: str) -> Path:
        """Return the file that holds a secret of it; raises FileNotFoundError where there is none."""
        if destination_id != self.destination.id or name not in self._stamps:
            raise FileNotFoundError(destination_id)
        return self._files.path(destination_id, name, self._stamps[name])


class DestinationBook(Registered):
    """Safe to use from several threads. `house` is asked for when it is needed: engines know the book before it is there."""

    def __init__(self, house: Callable[[], House], data: Path, clock: Clock) -> None:
        super().__init__(lambda name: house().register(name), data)
        self._house = house
        self._data = data
        self._clock = clock
        self._lock = threading.RLock()
        self._trials: set[str] = set()
        self._read: dict[str, tuple[Mapping[str, Any], DestinationState | None]] = {}

    # What there is

    def list(self) -> tuple[Destination, ...]:
        """Return every destination, in the order of their names."""
        found = map(destination_of, self._all().values())
        return tuple(sorted(found, key=lambda each: (each.name.casefold(), each.id)))

    def destination(self, destination_id: str) -> Destination:
        """Return the destination; raises NotFound."""
        return destination_of(self._known(destination_id))

    def state(self, destination_id: str) -> DestinationState | None:
        """Return what was last seen of a destination; None where nobody looked since it was last changed."""
        return state_in(self._house().register(STATE + destination_id))

    def states(self) -> dict[str, DestinationState]:
        """Return what was last seen of each destination that was looked at, by its id."""
        kept = self._house().registers(STATE)
        found = {name.removeprefix(STATE): self._state_in(name, value) for name, value in kept.items()}
        self._read = {name: read for name, read in self._read.copy().items() if name in kept}
        return {name: state for name, state in found.items() if state is not None}

    def _state_in(self, name: str, value: Mapping[str, Any]) -> DestinationState | None:
        """Return what a register says, read once for as long as it stays what it is."""
        known = self._read.get(name)
        if known is None or known[0] is not value:
            known = self._read[name] = value, state_in(value)
        return known[1]

    def users(self, destination_id: str) -> tuple[str, ...]:
        """Return the names of the jobs that use a destination."""
        return users_of(self._house(), destination_id)

    def _all(self) -> dict[str, Kept]:
        found = {}
        for name, value in self._house().registers(DESTINATION).items():
            destination_id = name.removeprefix(DESTINATION)
            if (kept := kept_in(destination_id, value)) is not None:
                found[destination_id] = kept
        return found

    def _known(self, destination_id: str) -> Kept:
        kept = self.kept(destination_id)
        if kept is None:
            raise NotFound("destination", destination_id[:80])
        return kept

    # What admins do

    def check(self, draft: DestinationDraft) -> DestinationDraft:
        """Return a new destination in its proper form; raises InvalidOptions naming every field that is wrong."""
        names = [each.name for each in self._all().values()]
        return checked(draft, names, self._data, (), remote.problems)

    def create(self, draft: DestinationDraft) -> Destination:
        """Keep a new destination; raises InvalidOptions, WrongState where no more fit, StorageFailed."""
        _admins_only("made")
        with self._lock:
            good = self.check(draft)
            known = self._house().registers(DESTINATION)
            if len(known) >= MOST:
                raise WrongState(
                    f"There are {MOST:,} destinations, and no more fit.", hint="Remove one first."
                )
            now = self._clock.now()
            destination = Destination(
                id=self._free_id(slug_of(good.name, good.type)),
                name=good.name,
                type=good.type,
                settings=good.settings,
                secrets=tuple(sorted(good.secrets)),
                created_at=now,
                updated_at=now,
            )
            self._keep(destination, good.secrets, NOTHING, was=0, why=f"made destination {destination.id}")
            return destination

    def edit(self, destination_id: str, version: int | None, patch: DestinationPatch) -> Destination:
        """Change a destination that is at this version (None: any); what leaves it as it is makes no new one.

        Raises NotFound, VersionConflict, InvalidOptions, StorageFailed.
        """
        _admins_only("changed")
        with self._lock:
            kept = self._known(destination_id)
            check_version(repr(kept.name), version, kept.version)
            good = self._patched(kept, patch)
            removed = {name for name, value in patch.secrets.items() if value is None}
            names = tuple(sorted(({*kept.secrets} - removed) | {*good.secrets}))
            same_place = (good.settings, names) == (thawed(kept.settings), kept.secrets) and not good.secrets
            if same_place and good.name == kept.name:
                return destination_of(kept)
            edited = replace(
                destination_of(kept),
                name=good.name,
                settings=good.settings,
                secrets=names,
                version=kept.version + 1,
                updated_at=self._clock.now(),
            )
            why = f"changed destination {destination_id}"
            if same_place:
                self._enter(edited, kept.stamps, was=kept.version, why=why)
            else:
                gone = {*kept.secrets}.difference(names)
                stamps = {name: stamp for name, stamp in kept.stamps.items() if name not in gone}
                self._keep(edited, good.secrets, stamps, was=kept.version, why=why)
            return edited

    def remove(self, destination_id: str, version: int | None = None) -> None:
        """Remove a destination with its secrets; what it holds stays. Raises NotFound, WrongState while jobs use it."""
        _admins_only("removed")
        with self._lock:
            kept = self._known(destination_id)
            check_version(repr(kept.name), version, kept.version)
            if users := self.users(destination_id):
                raise _in_use(kept.name, users)

            def change(read: Reader) -> dict[str, None]:
                self._check_still(read, kept.id, kept.version)
                about = (STATE + kept.id, SNAPSHOTS + kept.id, f"{BREAKER}destination:{kept.id}")
                gone = (DESTINATION + kept.id, *about)
                return dict.fromkeys(gone)

            self._house().change_registers(change, why=f"removed destination {destination_id}")
            self._clear(destination_id, NOTHING)

    def pin(self, destination_id: str, version: int | None, host_key: str) -> Destination:
        """Keep the key by which a host is known from now on: whoever calls this has compared its fingerprint."""
        kept = self._known(destination_id)
        settings = {**thawed(kept.settings), "host_key": host_key}
        return self.edit(destination_id, version, DestinationPatch(settings=settings))

    def _patched(self, kept: Kept, patch: DestinationPatch) -> DestinationDraft:
        settings = thawed(kept.settings) if patch.settings is UNSET else dict(patch.settings)
        if _is_another_host(kept, settings):
            settings["host_key"] = ""
        given = {name: value for name, value in patch.secrets.items() if value is not None}
        draft = DestinationDraft(
            name=kept.name if patch.name is UNSET else patch.name,
            type=kept.type,
            settings=settings,
            secrets=given,
        )
        others = [each.name for each in self._all().values() if each.id != kept.id]
        staying = [name for name in kept.secrets if patch.secrets.get(name, "") is not None]
        good = checked(draft, others, self._data, staying, remote.problems)
        unsaid = [name for name in staying if name not in given]
        if problems := problems_of_move(kept.type, thawed(kept.settings), good.settings, unsaid):
            raise InvalidOptions(problems)
        return good

    @contextlib.contextmanager
    def on_trial(self, draft: DestinationDraft, destination_id: str = "") -> Iterator[Trial]:
        """Hold a destination as it would be: a new one, or one of this id with what the draft says instead.

        Its secrets are files of its own, gone afterwards. Raises as `create` and `edit` do.
        """
        _admins_only("tested")
        kept = self._known(destination_id) if destination_id else None
        patch = DestinationPatch(name=draft.name, settings=draft.settings, secrets=draft.secrets)
        good = self._patched(kept, patch) if kept else self.check(draft)
        values = dict(good.secrets)
        if kept is not None:
            text = self._text_of(kept.id, kept.stamps)
            values = {name: text(name) for name in kept.secrets} | values
        now = self._clock.now()
        trial = Destination(
            id=f"{TRIAL}{secrets.token_hex(8)}",
            name=good.name,
            type=good.type,
            settings=good.settings,
            secrets=tuple(sorted(values)),
            created_at=now,
            updated_at=now,
        )
        derived = remote.derived(trial, values, lambda _: "")
        self._trials.add(trial.id)
        try:
            stamps = self.files.lay(trial.id, {**values, **derived})
            yield Trial(trial, stamps, self.files)
        finally:
            self._clear(trial.id, NOTHING)
            self._trials.discard(trial.id)

    def _free_id(self, slug: str) -> str:
        names = (slug if number == 1 else f"{slug}-{number}" for number in count(1))
        taken = self._house().registers(DESTINATION).keys()
        return next(name for name in names if name not in RESERVED and DESTINATION + name not in taken)

    # How it is kept

    def _keep(
        self,
        destination: Destination,
        given: Mapping[str, str],
        stamps: Stamps,
        *,
        was: int,
        why: str,
    ) -> None:
        """Make a destination durable: its new secrets first, aside; they count from when its register does."""
        derived = remote.derived(destination, given, self._text_of(destination.id, stamps))
        with self.files.alone():
            laid = self.files.lay(destination.id, {**given, **derived})
            stamps = {**stamps, **laid}
            try:
                self._enter(destination, stamps, was=was, why=why, forget=True)
            except HoldfastError:
                before = self.kept(destination.id)
                self._clear(destination.id, before.stamps if before else NOTHING)
                raise
            self._clear(destination.id, stamps)

    def _enter(
        self, destination: Destination, stamps: Stamps, *, was: int, why: str, forget: bool = False
    ) -> None:
        """Make the register durable; with `forget`, what was seen before counts no more: it was another place."""

        def change(read: Reader) -> dict[str, Mapping[str, Any] | None]:
            self._check_still(read, destination.id, was)
            about = (STATE + destination.id, SNAPSHOTS + destination.id)
            seen = dict.fromkeys(about) if forget else {}
            return {DESTINATION + destination.id: value_of(destination, stamps), **seen}

        self._house().change_registers(change, why=why)

    def _check_still(self, read: Reader, destination_id: str, version: int) -> None:
        """Raise VersionConflict where another process changed it meanwhile; version 0 is that there is none."""
        value = read(DESTINATION + destination_id)
        kept = None if value is None else kept_in(destination_id, value)
        check_version(repr(destination_id), version, kept.version if kept else 0)

    def _text_of(self, destination_id: str, stamps: Stamps) -> Callable[[str], str]:
        def text(name: str) -> str:
            return self.files.text(destination_id, name, stamps[name]) if name in stamps else ""

        return text

    def _clear(self, destination_id: str, stamps: Stamps) -> None:
        """Have the secrets that count in place and no others; what the disk refuses is done at the next start."""
        try:
            if stamps:
                self.files.settle(destination_id, stamps)
            else:
                self.files.remove(destination_id)
        except (StorageFailed, OSError) as error:
            log.warning("the secrets of destination %s are tidied later: %s", destination_id, error)

    def tidy(self) -> None:
        """Clear away what a process left that was killed; to be called by whoever is at work, once all could be read."""
        owners = [each for each in self.files.owners() if each not in self._trials]
        if not owners:
            return
        with self.files.alone():
            known = self._house().registers(DESTINATION)
            for destination_id in owners:
                kept = self.kept(destination_id)
                if kept is not None or DESTINATION + destination_id not in known:
                    self._clear(destination_id, kept.stamps if kept else NOTHING)


def _admins_only(what: str) -> None:
    if not actor().admin:
        raise Refused(f"Destinations are {what} by admins only.", hint="Ask an admin to do it.")


def _in_use(name: str, users: Collection[str]) -> WrongState:
    shown = ", ".join(f"“{user}”" for user in sorted(users)[:NAMED_AT_MOST])
    more = f" and {len(users) - NAMED_AT_MOST} more" if len(users) > NAMED_AT_MOST else ""
    return WrongState(
        f"“{name}” is used by {shown}{more}.",
        hint="Give those jobs another destination, or delete them, first.",
    )


def _is_another_host(kept: Kept, settings: Mapping[str, Any]) -> bool:
    """Tell whether a host was exchanged and the key of the one before was left standing."""
    before = kept.settings
    same_key = settings.get("host_key") and settings.get("host_key") == before.get("host_key")
    return bool(same_key) and any(settings.get(name) != before.get(name) for name in ("host", "port"))
