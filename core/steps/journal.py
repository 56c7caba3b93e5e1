"""What has to be undone: written and synced before it is done, one small file for each run, until it was undone.

It lies in Holdfast's own data and says all that undoing takes: the job may be changed or gone by then.
"""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Final

import msgspec

from core.errors import StorageFailed
from core.models import GOOD_ID, Value
from core.steps.kinds import Deed
from core.storage import atomic

log = logging.getLogger(__name__)

FOLDER: Final = "steps"
ENDING: Final = ".json"
_HANDS: Final = tuple(Lock() for _ in range(64))
_DEEDS: Final = tuple(Lock() for _ in range(64))


class Entry(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One thing to undo; `seconds` is how long that may take, `path` where programs are looked for.

    `shared` is that runs can have it in common: the last of those that noted it undoes it.
    """

    deed: Deed
    seconds: int
    path: str
    shared: bool = False

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other run of this process from doing or undoing the same thing meanwhile."""
        with _DEEDS[hash(self.deed.argv) % len(_DEEDS)]:
            yield


class _Written(Value, frozen=True, kw_only=True):
    entries: tuple[Entry, ...] = ()


class Journal:
    """What a run has to undo, the last thing first."""

    def __init__(self, own_data: Path, run_id: str) -> None:
        self.run_id = run_id
        self._own_data = own_data
        self._path = own_data / FOLDER / f"{run_id}{ENDING}"
        self._hand = _HANDS[hash(run_id) % len(_HANDS)]

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep everybody else in this process from doing or undoing anything for the run meanwhile."""
        with self._hand:
            yield

    def entries(self) -> tuple[Entry, ...]:
        """Return what is to be undone, in the order in which it was done. Raises StorageFailed."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Written).entries
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            message = f"What run {self.run_id} has to undo cannot be read: {error}."
            hint = f"Look at {self._path}, do by hand what it names, and remove it."
            raise StorageFailed(message, hint=hint) from error

    def add(self, entry: Entry) -> None:
        """Note something before it is done; it is on the disk when this returns. Raises StorageFailed."""
        self._write((*self.entries(), entry))

    def drop(self, entry: Entry) -> None:
        """Note that something was undone; the file goes with the last."""
        left = [one for one in self.entries() if one != entry]
        if left:
            self._write(tuple(left))
        else:
            self.forget()

    def is_shared(self, entry: Entry) -> bool:
        """Tell whether another run has noted the same thing, and so keeps it as it is."""
        others = (one for one in journals_in(self._own_data) if one.run_id != self.run_id)
        return entry.shared and any(
            entry.deed.argv == one.deed.argv for other in others for one in other.known()
        )

    def known(self) -> tuple[Entry, ...]:
        """Return what is to be undone; nothing where that cannot be read."""
        with contextlib.suppress(StorageFailed):
            return self.entries()
        return ()

    def forget(self) -> None:
        """Remove the file, as nothing is to be undone any more."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            message = f"What was undone cannot be struck out: {error.strerror}. It is undone once more later."
            raise StorageFailed(message) from error

    def _write(self, entries: tuple[Entry, ...]) -> None:
        try:
            atomic.make_folder(self._path.parent)
            atomic.write_whole(self._path, msgspec.json.encode(_Written(entries=entries)))
        except OSError as error:
            message = f"What has to be undone cannot be noted: {error.strerror}. So it was not done."
            raise StorageFailed(message) from error


def journals_in(own_data: Path) -> tuple[Journal, ...]:
    """Return the journals of all runs that have something to undo."""
    paths = sorted((own_data / FOLDER).glob(f"*{ENDING}"))
    return tuple(Journal(own_data, path.stem) for path in paths if GOOD_ID.match(path.stem))
