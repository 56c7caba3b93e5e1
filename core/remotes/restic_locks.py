"""Locks of a repository: who holds them, whether they still live, and whether they are ours for certain.

A lock names a host, a process and a time, but a number of a process may be another's by now, and two machines may have
one name. So each restic of ours is noted as it begins (`core.remotes.restic_starting`): with its number, the time the
kernel says it started, and which start of the machine that was. A lock is broken only where such a note says that it
is ours and that very process is gone.
"""

import hashlib
import os
import socket
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from core.errors import EngineFailed
from core.models import Value
from core.processes.descent import boot_id, known

Standing = Literal["ours", "alive", "gone", "elsewhere"]
"""What is known of who holds a lock: a restic of ours that is gone for certain; a process of this machine that lives;
one of this machine that is gone, as far as its number tells; one of another machine."""

SENTENCES: Final[Mapping[Standing, str]] = MappingProxyType(
    {
        "ours": "Left by a restic of Holdfast that was ended from outside: {who}. That process is gone.",
        "alive": "Held by {who}. That process is at work on this machine.",
        "gone": "Left by {who}. This machine has no such process any more.",
        "elsewhere": "Held by {who}. Whether it is at work can only be seen on that machine.",
    }
)

STALE_AFTER: Final = timedelta(minutes=30)
"""When restic takes a lock for left behind that was not renewed; a living restic does so every 5 minutes."""

LEEWAY: Final = timedelta(seconds=5)


class Lock(Value, frozen=True, kw_only=True):
    """A lock of a repository; `since` is when it was last renewed."""

    id: str
    host: str
    user: str
    pid: int
    since: datetime
    exclusive: bool = False


class Note(Value, frozen=True, kw_only=True):
    """Which process a restic of ours was: where it is noted, when it began, and whether it still lives."""

    path: str
    pid: int
    host: str
    since: datetime
    lives: bool


class HeldLock(Value, frozen=True, kw_only=True):
    """A lock with what is known of its holder, and a sentence about it for people."""

    lock: Lock
    standing: Standing
    sentence: str

    @property
    def is_stale(self) -> bool:
        """Tell whether nobody can be at work behind it, as far as can be known from here."""
        return self.standing in {"ours", "gone"}


def lock_in(lock_id: str, text: str) -> Lock:
    """Return the lock that restic shows as JSON; raises ValueError."""
    try:
        plain = msgspec.json.decode(text.encode(), type=dict[str, object])
        since = datetime.fromisoformat(_cut(str(plain["time"]))).astimezone(UTC)
        return Lock(
            id=lock_id,
            host=str(plain["hostname"]),
            user=str(plain.get("username", "")),
            pid=int(str(plain["pid"])),
            since=since,
            exclusive=plain.get("exclusive") is True,
        )
    except (msgspec.DecodeError, KeyError) as error:
        message = "this is no lock of restic"
        raise ValueError(message) from error


def _cut(moment: str) -> str:
    """Return a time as Go writes it with as many digits as Python reads."""
    head, point, rest = moment.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{head}.{rest[:digits][:6]:0<6}{rest[digits:]}" if point else moment


def notes_in(folder: Path) -> tuple[Note, ...]:
    """Return the notes of restics of ours that were not seen to end."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            plain = msgspec.json.decode(path.read_bytes(), type=dict[str, object])
            since = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            note = Note(
                path=str(path),
                pid=int(str(plain["pid"])),
                host=str(plain["host"]),
                since=since,
                lives=_lives(plain),
            )
        except (OSError, ValueError, KeyError, msgspec.DecodeError):
            continue  # it is being written, or is none: it says nothing of any process
        found.append(note)
    return tuple(found)


def _lives(plain: dict[str, object]) -> bool:
    process = known(int(str(plain["pid"])))
    same = process is not None and process.started == plain["started"] and process.state != "Z"
    return same and plain["boot"] == boot_id()


def judged(locks: Iterable[Lock], notes: Iterable[Note], now: datetime) -> tuple[HeldLock, ...]:
    """Return each lock with what is known of who holds it."""
    notes = tuple(notes)
    return tuple(_judged(lock, notes, now) for lock in locks)


def _judged(lock: Lock, notes: tuple[Note, ...], now: datetime) -> HeldLock:
    standing = _standing(lock, notes)
    age = now - lock.since
    who = f"process {lock.pid} of {lock.user or 'somebody'} on {lock.host}, last renewed {_in_words(age)} ago"
    sentence = SENTENCES[standing].format(who=who)
    if standing == "elsewhere" and age > STALE_AFTER:
        sentence += " A restic at work renews its lock every 5 minutes, so it is most likely gone."
    return HeldLock(lock=lock, standing=standing, sentence=sentence)


def _standing(lock: Lock, notes: tuple[Note, ...]) -> Standing:
    if lock.host != socket.gethostname():
        return "elsewhere"
    mine = [n for n in notes if n.pid == lock.pid and n.host == lock.host and lock.since >= n.since - LEEWAY]
    if any(note.lives for note in mine):
        return "alive"
    if mine:
        return "ours"
    return "alive" if known(lock.pid) is not None else "gone"


def _in_words(age: timedelta) -> str:
    seconds = max(int(age.total_seconds()), 0)
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {word}{'' if count == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def may_unlock_ours(held: Iterable[HeldLock], now: datetime) -> bool:
    """Tell whether `restic unlock` would remove locks of ours that are certainly dead, and nobody else's.

    It removes whatever it takes for left behind, so another's lock that it would take for that keeps us from it.
    """
    held = tuple(held)
    ours = any(one.standing == "ours" for one in held)
    others = [one for one in held if one.standing != "ours"]
    return ours and not any(one.standing == "gone" or now - one.lock.since > STALE_AFTER for one in others)


# Where it is kept


def notes_folder(own_data: Path, name: str) -> Path:
    """Return where restics of ours at one repository are noted, made when it is first asked for.

    `name` is the id of the destination, or `name_of_folder`.
    """
    folder = own_data / "restic" / "at-work" / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"Nothing can be noted in Holdfast's data: {os.strerror(error.errno or 0)}."
        raise EngineFailed(
            message, hint="Look at the disk that holds Holdfast's data.", transient=True
        ) from error
    return folder


def cache_folder(own_data: Path, name: str) -> Path:
    """Return where restic keeps what it knows of a repository; it may be removed at any time."""
    return own_data / "restic" / "cache" / name


def name_of_folder(repository: Path) -> str:
    """Return the word by which a repository goes that is no destination."""
    return f"folder-{hashlib.sha256(os.fsencode(repository)).hexdigest()[:16]}"
