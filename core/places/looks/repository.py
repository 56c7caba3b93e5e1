"""Looking at a repository of restic: whether it opens, who holds a lock, what it has, how much room there is."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from core.destinations.known import Destination, Destinations
from core.errors import EngineFailed
from core.places.looks import folder, host
from core.places.looks.patience import Patience
from core.places.states import Lock, Room, Seen
from core.remotes import restic, restic_locks
from core.remotes.calls import Call
from core.remotes.restic_places import Place, place_in, ssh_settings

MOST_LOCKS: Final = 20
NO_ANSWER: Final = Seen(
    reachable=False,
    sentence="The repository did not answer in time.",
    hint="Is its host on, and can this machine reach it?",
    code="unreachable",
)
NOT_PREPARED: Final = Seen(
    reachable=False,
    sentence="It has no password yet.",
    hint="Enter the password of the repository; or prepare the destination, which makes a new one.",
    code="missing",
    prepared=False,
)


def look(
    destination: Destination, destinations: Destinations, own_data: Path, patience: Patience, now: datetime
) -> Seen:
    """Return what there is to see of a repository."""
    place = place_in(destination.settings["repository"])
    if place.backend == "sftp" and not destination.settings.get("host_key"):
        return host.with_the_key_of(ssh_settings(place, destination.settings), patience)
    if "password" not in destination.secrets:
        return NOT_PREPARED
    try:
        call = restic.call(destination, destinations)
    except EngineFailed as error:
        return Seen(reachable=False, sentence=str(error), hint=error.hint, code=error.code)
    opened = patience.ask((*call.argv, "--no-cache", "--no-lock", "cat", "config"), call.environment)
    if opened.timed_out:
        return NO_ANSWER
    if opened.code != 0:
        trouble = restic.trouble(opened.code, opened.err.splitlines())
        return Seen(
            reachable=False,
            sentence=trouble.sentence,
            hint=trouble.hint,
            code=trouble.code,
            prepared=trouble.code != "missing",
        )
    notes = restic_locks.notes_folder(own_data, destination.id)
    return _inside(call, place, own_data, notes, patience, now)


def _inside(call: Call, place: Place, own_data: Path, notes: Path, patience: Patience, now: datetime) -> Seen:
    locks = locks_of(call, notes, patience, now)
    count, newest_at = _snapshots(call, patience)
    room = _room(call, place, own_data, patience)
    words = "It opens with this password" if count is None else f"It opens, and has {_counted(count)}"
    held = f", {len(locks)} of its locks held" if locks else ""
    return Seen(
        reachable=True,
        sentence=f"{words}{held}.",
        room=room,
        locks=locks,
        snapshots=count,
        newest_at=newest_at,
    )


def locks_of(call: Call, notes: Path, patience: Patience, now: datetime) -> tuple[Lock, ...]:
    """Return the locks of a repository, each with what is known of its holder."""
    listed = patience.ask(restic.list_locks(call), call.environment)
    found = []
    for lock_id in listed.out.split()[:MOST_LOCKS] if listed.code == 0 else ():
        shown = patience.ask(restic.cat_lock(call, lock_id), call.environment)
        try:
            found.append(restic_locks.lock_in(lock_id, shown.out))
        except ValueError:  # it was let go of meanwhile
            continue
    every = restic_locks.judged(found, restic_locks.notes_in(notes), now)
    return tuple(lock_of(held) for held in every)


def lock_of(held: restic_locks.HeldLock) -> Lock:
    """Return a lock as states have it."""
    lock = held.lock
    return Lock(
        id=lock.id,
        host=lock.host,
        user=lock.user,
        pid=lock.pid,
        since=lock.since,
        exclusive=lock.exclusive,
        stale=held.is_stale,
        words=held.sentence,
    )


def _snapshots(call: Call, patience: Patience) -> tuple[int | None, datetime | None]:
    """Return how many snapshots there are and when the newest was made; None where there was no time to tell."""
    asked = patience.ask(restic.snapshots(call), call.environment)
    try:
        every = json.loads(asked.out) or []
        moments = [msgspec.convert(_cut(str(each["time"])), datetime) for each in every]
    except (ValueError, TypeError, KeyError, msgspec.ValidationError):
        return None, None
    return len(moments), max(moments, default=None)


def _cut(moment: str) -> str:
    """Return a time without what is finer than a microsecond, which restic writes."""
    head, point, rest = moment.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{head}.{rest[:6]}{rest[digits:]}" if point and digits > 6 else moment  # noqa: PLR2004 - microseconds


def _room(call: Call, place: Place, own_data: Path, patience: Patience) -> Room:
    asked = patience.ask(restic.stats(call), call.environment)
    used = _size_in(asked.out)
    if place.backend != "local":
        return Room(used=used)
    around = folder.look(place.text, own_data, folder.Ours(""), patience, mounted=False).room
    return Room(free=around.free, total=around.total, used=used)


def _size_in(text: str) -> int | None:
    try:
        said: Mapping[str, Any] = json.loads(text)
        return max(0, int(said["total_size"]))
    except (ValueError, TypeError, KeyError):
        return None


def _counted(count: int) -> str:
    return "1 snapshot" if count == 1 else f"{count:,} snapshots" if count else "no snapshots yet"
