"""A repository as one attempt of a run uses it: each question and each backup is a program of the attempt."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from core.errors import EngineFailed
from core.models import Progress, Value
from core.processes.orders import Exit, Hide, Order, Stream
from core.remotes import restic
from core.remotes.calls import Call, Trouble, failure
from core.remotes.restic_locks import (
    HeldLock,
    Lock,
    cache_folder,
    judged,
    lock_in,
    may_unlock_ours,
    notes_folder,
    notes_in,
)
from core.remotes.restic_troubles import INCOMPLETE, holder_in, last_words, trouble
from core.repositories.listening import Listener
from core.repositories.rereading import in_words
from core.repositories.snapshots import TAG, finished, snapshots_in
from core.storage import atomic
from core.work import RunContext

GRACE: Final = 10.0
"""Seconds that restic has to take its lock away when it is told to end by INT; 0.14 dies of TERM with its lock left."""

MOST_LOCKS: Final = 20
WENT_WELL: Final = 0
PROGRESS_BEGINS: Final = "["


class Made(Value, frozen=True, kw_only=True):
    """A snapshot that a run has: made by this attempt, or by an earlier one and adopted."""

    snapshot: str
    since_ns: int
    adopted: bool = False
    summary: Mapping[str, Any] = {}
    unread: tuple[str, ...] = ()
    unread_count: int = 0


class Repository:
    """One repository, for one attempt. `name` is a word that its cache goes by."""

    def __init__(self, context: RunContext, call: Call, name: str, hide: Hide | None = None) -> None:
        self._context = context
        self._call = call
        self._own_data = context.surroundings.own_data
        self._cache = cache_folder(self._own_data, name)
        self._name = name
        self._hide = hide

    # Locks

    def tidy_locks(self) -> None:
        """Remove what a restic of ours that was killed has left locked; nothing else, whatever it looks like."""
        left = [note for note in notes_in(self._notes) if not note.lives]
        if not left:
            return
        if may_unlock_ours(self.locks(), datetime.now(UTC)):
            self._context.info("Removing the lock that a restic of ours left, which was ended from outside.")
            self._insist(self._run(restic.unlock(self._call), "unlock"), self._words)
        for note in left:
            Path(note.path).unlink(missing_ok=True)

    def locks(self) -> tuple[HeldLock, ...]:
        """Return the locks of the repository, with what is known of who holds them."""
        ids = self._asked(restic.list_locks(self._call), "locks").split()
        found: list[Lock] = []
        for number, lock_id in enumerate(ids[:MOST_LOCKS], start=1):
            heard: list[str] = []
            ending = self._run(restic.cat_lock(self._call, lock_id), f"lock-{number}", heard.append)
            if ending.code == WENT_WELL:  # it may be gone by now
                found.append(lock_in(lock_id, "\n".join(heard)))
        return judged(found, notes_in(self._notes), datetime.now(UTC))

    # Snapshots

    def adopted(self, path: str) -> Made | None:
        """Return the snapshot that an earlier attempt of this run finished; None where none did."""
        run_id = self._context.run_id
        text = self._asked(restic.snapshots(self._call, TAG, f"run={run_id}"), "snapshots")
        try:
            found = finished(snapshots_in(text), run_id, path, self._context.checkpoint.get("incomplete", ()))
        except ValueError:
            self._context.warn("What the repository says of its snapshots was not understood.")
            return None
        if found is None:
            return None
        self._context.info(
            f"An earlier attempt of this run finished snapshot {found.id[:8]}; it is taken over."
        )
        return Made(snapshot=found.id, since_ns=found.since_ns, adopted=True)

    def back_up(self, options: Sequence[str], source: str) -> Made:
        """Make a snapshot. Raises EngineFailed, or RunStopped when asked to stop."""
        listener = Listener(self._context)
        argv = ("backup", "--json", *options, "--", source)
        ending = self._work(argv, "backup", listener)
        snapshot = str(listener.summary.get("snapshot_id", ""))
        if ending.code not in {0, INCOMPLETE} or not snapshot:
            raise self._failure(ending, listener.last_words)
        incomplete = self._context.checkpoint.get("incomplete", ())
        if ending.code == INCOMPLETE:
            incomplete = (*incomplete, snapshot)
        self._context.report(Progress(stage="check"), {"snapshot": snapshot, "incomplete": list(incomplete)})
        return Made(
            snapshot=snapshot,
            since_ns=int(ending.started_at.timestamp() * 1_000_000_000),
            summary=listener.summary,
            unread=tuple(listener.unread),
            unread_count=listener.unread_count,
        )

    def rehearse(
        self, options: Sequence[str], source: str, on_line: Callable[[Stream, str], bool | None]
    ) -> Exit:
        """Let restic say what a backup would do; it writes nothing."""
        said: list[str] = []

        def hear(stream: Stream, line: str) -> bool | None:
            if stream == "err":
                said.append(line)
            return on_line(stream, line)

        argv = (*self._call.argv, "--no-cache", "--no-lock", "backup", "--dry-run", "--json", "-vv")
        ending = self._execute((*argv, *options, "--", source), "rehearsal", hear)
        if ending.code not in {0, INCOMPLETE}:
            raise self._failure(ending, said)
        return ending

    # Reading all of it in turn

    def read_parts(self, parts: Sequence[str]) -> bool:
        """Have these parts of all data read and checked; False where somebody's lock forbids it at present.

        Raises EngineFailed where the repository is damaged or cannot be read.
        """
        for number, part in enumerate(parts, start=1):
            words: list[str] = []
            self._context.report(Progress(stage="check", message=f"reading {in_words((part,))} of the data"))
            ending = self._check(part, f"check-{number}", words)
            if ending.code == WENT_WELL:
                continue
            found = trouble(ending.code, words)
            if found.code == "locked":
                self._context.warn(f"{found.sentence} Nothing of the repository is read again today.")
                return False
            if found.code == "damaged" or any("error" in line.lower() for line in words):
                raise EngineFailed(
                    f"The repository is damaged: reading {in_words((part,))} of its data found errors. "
                    f"restic says: {last_words(words)}",
                    hint="Keep the source as it is. Look at the repository's disk; `restic check` tells more.",
                    code="damaged",
                )
            raise failure(found, last_words(words))
        return True

    def _check(self, part: str, name: str, words: list[str]) -> Exit:
        # Its own cache, in the run's folder: what a check keeps there must come from the repository, and goes with the run.
        cache = self._context.workspace / "restic" / "cache"
        with atomic.storage_errors("The check has no room"):
            cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        call = replace(self._call, argv=(*self._call.argv, "--cache-dir", str(cache)))

        def hear(_: Stream, line: str) -> bool | None:
            if line.startswith(PROGRESS_BEGINS):
                self._context.report(Progress(stage="check", message=line[:200]))
                return False
            words.append(line)
            return None if line.strip() else False

        return self._noted(restic.check(call, part), name, hear)

    # Programs

    @property
    def _notes(self) -> Path:
        return notes_folder(self._own_data, self._name)

    def _work(self, argv: Sequence[str], name: str, listener: Listener) -> Exit:
        whole = (*self._call.argv, "--cache-dir", str(self._cache), "--cleanup-cache", *argv)
        return self._noted(whole, name, listener.hear, listener.glance)

    def _noted(
        self,
        argv: Sequence[str],
        name: str,
        on_line: Callable[[Stream, str], bool | None],
        on_latest: Callable[[Stream, str], bool] | None = None,
    ) -> Exit:
        """Run a restic that locks the repository, and note which process it is until it was seen to end well.

        One that failed may not have reached the repository any more to take its lock away.
        """
        note = self._notes / f"{self._context.run_id}-{self._context.attempt}-{name}.json"
        call = restic.noted(replace(self._call, argv=tuple(argv)), note)
        ending = self._execute(call.argv, name, on_line, on_latest)
        if ending.code in {0, INCOMPLETE}:
            note.unlink(missing_ok=True)
        return ending

    def _execute(
        self,
        argv: Sequence[str],
        name: str,
        on_line: Callable[[Stream, str], bool | None],
        on_latest: Callable[[Stream, str], bool] | None = None,
    ) -> Exit:
        order = Order(
            argv=tuple(argv), folder="/", environment=self._call.environment, grace=GRACE, tidies_up=True
        )
        return self._context.execute(order, on_line, name=name, hide=self._hide, on_latest=on_latest)

    def _run(self, argv: Sequence[str], name: str, tell: Callable[[str], object] | None = None) -> Exit:
        """Run a short question; its answer stays out of the log, what it complains of does not."""
        self._words: list[str] = []

        def hear(stream: Stream, line: str) -> bool | None:
            if stream == "out":
                if tell is not None:
                    tell(line)
                return False
            self._words.append(line)
            return None

        return self._execute(argv, name, hear)

    def _asked(self, argv: Sequence[str], name: str) -> str:
        heard: list[str] = []
        self._insist(self._run(argv, name, heard.append), self._words)
        return "\n".join(heard)

    def _insist(self, ending: Exit, words: Sequence[str]) -> None:
        if ending.code != WENT_WELL:
            raise self._failure(ending, words)

    def _failure(self, ending: Exit, words: Sequence[str]) -> EngineFailed:
        found = trouble(ending.code, words)
        if found.code == "failed" and (more := self._said_by_ssh()):
            words = (*words, *more)
            found = trouble(ending.code, words)
        if found.code == "locked":
            found = self._explained(found, "\n".join(words))
        said = "" if found.code in {"failed", "locked", "wrong-password"} else last_words(words)
        return failure(found, said)

    def _said_by_ssh(self) -> Sequence[str]:
        """Return why ssh cannot be used, where restic ended before it had passed that on; nothing where it can."""
        beginning = "sftp.command="
        command = next((one for one in self._call.argv if one.startswith(beginning)), "")
        if not command:
            return ()
        said: list[str] = []

        def hear(stream: Stream, line: str) -> bool:
            if stream == "err":
                said.append(line)
            return True

        argv = tuple(shlex.split(command.removeprefix(beginning)))
        order = Order(argv=argv, folder="/", environment=self._call.environment)
        ending = self._context.execute(order, hear, name="ssh", hide=self._hide)
        return () if ending.code == WENT_WELL else said

    def _explained(self, found: Trouble, text: str) -> Trouble:
        """Return the trouble with what is known here of who holds the lock."""
        holder = holder_in(text)
        if holder is None:
            return found
        now = datetime.now(UTC)
        lock = Lock(id="", host=holder.host, user=holder.user, pid=holder.pid, since=holder.since or now)
        held = judged((lock,), notes_in(self._notes), now)[0]
        return replace(found, sentence=f"The repository is locked. {held.sentence}")
