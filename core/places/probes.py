"""Looking at destinations and making them ready: one at a time each, each look within its time, what was seen kept."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from core.clock import Clock
from core.deciding import check_version
from core.destinations.known import Destination, Destinations
from core.destinations.registered import DESTINATION, kept_in
from core.errors import EngineFailed, InvalidOptions, NotFound, VersionConflict, WrongState
from core.models import Value
from core.places import listings
from core.places.book import DestinationBook, House
from core.places.drafts import DestinationDraft, DestinationPatch
from core.places.looks import folder
from core.places.looks.looking import Ours, look_at
from core.places.looks.patience import WHOLE_LOOK, Patience
from core.places.looks.repository import locks_of
from core.places.preparing import (
    PATIENCE,
    NotPrepared,
    check_room_for,
    make_repository,
    new_password,
    prepare_cloud,
    prepare_host,
    remove_dead_locks,
)
from core.places.states import STATE, DestinationState, Lock, Seen, followed_by, state_in
from core.remotes import restic
from core.remotes.restic_locks import notes_folder


class CalledOff(WrongState):
    """Nobody knows what a look would have found."""

    hint = "Look again when Holdfast is back."

    def __init__(self) -> None:
        super().__init__("The look was called off, as Holdfast stops.")


EVERY_VERSION: Final = sys.maxsize
"""As whoever makes a destination ready is at it, whatever version it has then."""


def _surely(_seen: Seen) -> bool:
    """Take a look for what it is."""
    return True


class UnderWay(NamedTuple):
    """Somebody is at a destination of a version, and what they will have seen."""

    version: int
    seen: Future[DestinationState]


class Prepared(Value, frozen=True, kw_only=True):
    """What came of preparing; `password` is one that was made, and is shown this once."""

    state: DestinationState
    password: str = ""

    def __repr__(self) -> str:
        """Return it without what nobody may read."""
        return f"Prepared({self.state!r})"


class Unlocked(Value, frozen=True, kw_only=True):
    """What came of unlocking, in a sentence."""

    state: DestinationState
    sentence: str


class Probes:
    """Safe to use from several threads; whoever asks waits, up to the time that a look may take."""

    def __init__(
        self,
        book: DestinationBook,
        house: Callable[[], House],
        data: Path,
        clock: Clock,
        *,
        store_id: Callable[[], str],
        seconds: float = WHOLE_LOOK,
    ) -> None:
        self._book = book
        self._house = house
        self._data = data
        self._clock = clock
        self._store_id = store_id
        self.seconds = seconds
        """How long one look may take."""
        self._lock = threading.Lock()
        self._under_way: dict[str, UnderWay] = {}
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Let every look come to its end at once."""
        self._stopping.set()

    # Looking

    def try_out(self, draft: DestinationDraft, destination_id: str = "") -> Seen:
        """Return what there is to see of a destination as entered, which is not kept; raises InvalidOptions."""
        with self._book.on_trial(draft, destination_id) as trial:
            ours = Ours(self._store_id(), destination_id)
            return self._seen(trial.destination, trial, ours, self._patience())

    def test(self, destination_id: str, *, why: str = "") -> DestinationState:
        """Look at a destination and keep what was seen; who asks while somebody looks is told what they see.

        Raises NotFound.
        """
        destination = self._book.destination(destination_id)
        why = why or f"tested destination {destination_id}"
        return self._alone(destination, lambda: self.look(destination, why=why))

    def look(
        self, destination: Destination, *, sure: Callable[[Seen], bool] = _surely, why: str = ""
    ) -> DestinationState:
        """Look at a destination and keep what was seen; where that is not `sure`, look once more first.

        Of a repository it is noted too which snapshots of our runs it has, as far as there is time.
        """
        patience = self._patience()
        seen = self.see(destination, patience)
        if not sure(seen):
            patience = self._patience()
            seen = self.see(destination, patience)
        state = self.keep(destination, seen, why=why)
        if destination.type == "restic" and seen.reachable:
            listings.reconcile(destination, self._book, self._house(), patience, self._clock.now())
        return state

    def see(self, destination: Destination, patience: Patience) -> Seen:
        """Return what there is to see of a destination; keeps nothing. Raises CalledOff."""
        return self._seen(destination, self._book, self._ours(destination), patience)

    def _seen(
        self, destination: Destination, destinations: Destinations, ours: Ours, patience: Patience
    ) -> Seen:
        seen = look_at(destination, destinations, self._data, ours, patience, self._clock.now())
        if self._stopping.is_set():  # what was cut short says nothing of the destination
            raise CalledOff
        return seen

    def keep(self, destination: Destination, seen: Seen, *, why: str = "") -> DestinationState:
        """Keep what was seen, unless the destination was changed since: then that says nothing of it."""
        now = self._clock.now()
        name = STATE + destination.id
        kept: list[DestinationState] = []

        def change(read: Callable[[str], Mapping[str, Any] | None]) -> dict[str, Mapping[str, Any]]:
            value = read(DESTINATION + destination.id)
            present = None if value is None else kept_in(destination.id, value)
            if present is None:
                raise NotFound("destination", destination.id)
            check_version(repr(present.name), destination.version, present.version)
            kept[:] = [followed_by(state_in(read(name)), seen, now)]
            return {name: msgspec.to_builtins(kept[0])}

        try:
            self._house().change_registers(change, why=why)
        except VersionConflict:
            return followed_by(None, seen, now)
        return kept[0]

    def _alone(self, destination: Destination, work: Callable[[], DestinationState]) -> DestinationState:
        """Do the work, unless somebody looks at that destination as it is already: then wait for what they see."""
        mine = UnderWay(destination.version, Future())
        with self._lock:
            known = self._under_way.get(destination.id)
            if known is None or known.version < mine.version:
                self._under_way[destination.id] = mine
                known = None
        if known is not None:
            return known.seen.result()
        try:
            state = work()
        except BaseException as error:
            mine.seen.set_exception(error)
            raise
        else:
            mine.seen.set_result(state)
            return state
        finally:
            self._let_go(destination, mine)

    def _let_go(self, destination: Destination, mine: UnderWay) -> None:
        with self._lock:
            if self._under_way.get(destination.id) is mine:
                del self._under_way[destination.id]

    @contextmanager
    def _claimed(self, destination: Destination) -> Iterator[None]:
        """Keep everybody else away from a destination; raises WrongState where somebody is at it."""
        with self._lock:
            if destination.id in self._under_way:
                message = f"“{destination.name}” is being looked at at this moment."
                raise WrongState(message, hint="Try again in a few seconds.")
            mine = self._under_way[destination.id] = UnderWay(EVERY_VERSION, Future())
        try:
            yield
        finally:
            self._let_go(destination, mine)
            mine.seen.set_exception(WrongState("It was being made ready.", hint="Try again."))

    def _patience(self, seconds: float | None = None) -> Patience:
        return Patience(self.seconds if seconds is None else seconds, self._stopping.is_set)

    def _ours(self, destination: Destination) -> Ours:
        return Ours(self._store_id(), destination.id)

    # Making ready

    def prepare(self, destination_id: str, *, password: str = "", generate: bool = False) -> Prepared:
        """Make the folder with its marker, or the repository, and look at it then.

        A repository needs a password: one it has, one given here, or one that is made and shown this once. Raises
        NotFound, InvalidOptions, WrongState where something is prepared already, NotPrepared with the reason.
        """
        destination = self._book.destination(destination_id)
        if destination.type != "restic" and (password or generate):
            raise InvalidOptions({"password": "Only a repository of restic has a password."})
        with self._claimed(destination):
            made = self._prepare(destination, password, generate=generate)
        state = self.test(destination_id, why=f"prepared destination {destination_id}")
        return Prepared(state=state, password=made)

    def _prepare(self, destination: Destination, password: str, *, generate: bool) -> str:
        ours, patience = self._ours(destination), self._patience(PATIENCE)
        match destination.type:
            case "folder":
                path, mounted = destination.settings["path"], bool(destination.settings.get("mounted"))
                seen = folder.look(path, self._data, ours, patience, mounted=mounted, prepare=True)
                if seen.code:
                    raise NotPrepared(seen.sentence, hint=seen.hint)
            case "ssh":
                prepare_host(destination, self._book, ours, patience)
            case "rclone":
                prepare_cloud(destination, self._book, ours, patience)
            case "restic":
                return self._prepare_repository(destination, password, patience, generate=generate)
        return ""

    def _prepare_repository(
        self, destination: Destination, password: str, patience: Patience, *, generate: bool
    ) -> str:
        """Make a new repository; returns the password that was made for it, if one was."""
        has_one = "password" in destination.secrets
        if has_one and (password or generate):
            raise InvalidOptions({"password": "It has a password already; leave this out."})
        if not has_one and not password and not generate:
            raise InvalidOptions({"password": "Enter a password for the new repository, or have one made."})
        check_room_for(destination, self._data, patience)
        made = new_password() if generate else ""
        if not has_one:
            patch = DestinationPatch(secrets={"password": password or made})
            destination = self._book.edit(destination.id, destination.version, patch)
        try:
            make_repository(restic.call(destination, self._book), patience)
        except (EngineFailed, NotPrepared) as error:
            if not has_one and not getattr(error, "unsure", False):
                gone = DestinationPatch(secrets={"password": None})
                self._book.edit(destination.id, destination.version, gone)
            raise NotPrepared(str(error), hint=error.hint) from None
        return made

    def unlock(self, destination_id: str) -> Unlocked:
        """Have a repository's locks removed that nobody holds any more, as its own program judges; never all of them.

        Raises NotFound, WrongState where it has none, NotPrepared with the reason.
        """
        destination = self._book.destination(destination_id)
        if destination.type != "restic":
            raise WrongState("Only repositories of restic have locks.", hint="There is nothing to unlock.")
        with self._claimed(destination):
            before = self._unlock(destination)
        state = self.test(destination_id, why=f"unlocked destination {destination_id}")
        return Unlocked(state=state, sentence=_told(before, state.seen))

    def _unlock(self, destination: Destination) -> tuple[Lock, ...]:
        """Have locks removed, if there are any; returns those that there were before."""
        try:
            call = restic.call(destination, self._book)
        except EngineFailed as error:
            raise NotPrepared(str(error), hint=error.hint) from None
        patience, notes = self._patience(PATIENCE), notes_folder(self._data, destination.id)
        locks = locks_of(call, notes, patience, self._clock.now())
        if locks:
            remove_dead_locks(call, patience)
        return locks


def _told(before: Sequence[Lock], after: Seen) -> str:
    """Return what became of the locks."""
    if not after.reachable:
        return after.sentence
    left = {lock.id for lock in after.locks}
    gone = sum(lock.id not in left for lock in before)
    staying = " ".join(lock.words for lock in after.locks if lock.words)
    told = "1 lock was removed." if gone == 1 else f"{gone or 'No'} locks were removed."
    if not before and not staying:
        return "There was no lock."
    return f"{told} What is left may be in use: {staying}" if staying else told
