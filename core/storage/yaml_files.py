"""A store in a folder of YAML files that people can read, edit and keep in git."""

import contextlib
import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from core.clock import Clock
from core.collecting import undisturbed
from core.errors import StorageFailed
from core.models import Run
from core.storage import migration
from core.storage.base import Audience, Commitment, Contents, JobStore
from core.storage.committer import CLOSED
from core.storage.folder import StoreFolder
from core.storage.open_store import OpenStore, Position
from core.storage.opening import open_state
from core.storage.own_backup import Source
from core.storage.records import Record
from core.storage.rows import Changes
from core.storage.shelf import Shelf

log = logging.getLogger(__name__)


class YamlFilesStore(JobStore):
    """Keeps jobs and runs in a folder; one process is at work in it, others may visit.

    One that is not `tended` writes later what nobody waits for when it is told to, and when it is closed.
    """

    def __init__(self, folder: Path, *, clock: Clock, tended: bool = True) -> None:
        self._tended = tended
        self._folder = StoreFolder(folder, clock)
        self._clock = clock
        self._opened: OpenStore | None = None

    @property
    def folder(self) -> Path:
        """Return the folder that everything of this store lies in."""
        return self._folder.root

    @property
    def shelf(self) -> Shelf:
        """Return the definitions; raises StorageFailed when the store is closed."""
        return self._open().shelf

    @property
    def wants_an_upgrade(self) -> bool:
        """Tell whether the folder is of an older format, which only whoever is at work brings up."""
        return migration.is_needed(self.folder)

    @property
    def another_is_at_work(self) -> bool:
        """Tell whether another process carries runs out here."""
        return not self._folder.at_work and bool(self._folder.holder)

    def open(self, audience: Audience, *, at_work: bool = True) -> Contents:
        """Take hold of the folder and read all of it."""
        with contextlib.ExitStack() as undo:
            problems = self._folder.take(at_work=at_work)
            undo.callback(self._folder.release)
            if at_work:
                problems += migration.bring_up(self._folder, self._clock)
            with undisturbed(), self._folder.alone() as alone:
                opened = open_state(self._folder, alone=alone)
            audience.rows = opened.rows
            self._opened = OpenStore(self._folder, self._clock, audience, opened, at_work=at_work)
            if self._tended:
                self._opened.tend()
            undo.pop_all()
        problems += opened.problems
        for problem in problems:
            place = problem.path if problem.line is None else f"{problem.path}, line {problem.line}"
            log.warning("%s: %s", place, problem.message)
        return Contents(rows=opened.rows, problems=problems, number=opened.n)

    def tell_address(self, address: str) -> None:
        """Write down where this process can be called, for whoever finds the store in use."""
        self._folder.tell_address(address)

    def submit(self, changes: Changes, note: object = None) -> Commitment:
        """Accept the changes."""
        return self._open().committer.accept(changes, note)

    def commit(self) -> None:
        """Settle whatever was accepted so far, kept or refused."""
        self._open().committer.commit()

    def older_runs(self, job_id: str) -> tuple[Run, ...]:
        """Return the runs of a job that are not at hand, in no order."""
        return self._open().history.read(job_id)

    def records(self, after: int) -> Iterator[Record]:
        """Give what is durable after the change of this number, in order, as far as the journal has it."""
        return self._open().records(after)

    @property
    def reach(self) -> int:
        """Return the number of the last change that is durable; raises StorageFailed when closed."""
        return self._open().reach

    def look(self) -> None:
        """Take in what other processes changed; raises StorageFailed."""
        self._open().committer.look()

    def checkpoint(self) -> None:
        """Write all rows down, so that the journal before is needed no more; raises StorageFailed."""
        self._open().checkpoint()

    def quiet(self) -> AbstractContextManager[Position]:
        """Let nobody commit meanwhile, in any process; hands out how far the journal reaches."""
        return self._open().quiet()

    def compact(self) -> None:
        """Let go of everything that no start needs; raises StorageFull or StorageFailed."""
        self._open().compact()

    @property
    def source(self) -> Source:
        """Return what a backup is made from while changes go on; raises StorageFailed when closed."""
        opened = self._open()
        return Source(folder=self._folder, quiet=opened.quiet, still=opened.still, count=opened.count)

    @property
    def troubles(self) -> tuple[str, ...]:
        """Return what is behind because the disk refuses it, and why; nothing is lost by it."""
        return self._opened.troubles if self._opened else ()

    def check_writable(self) -> None:
        """Raise StorageFull or StorageFailed if a commit would fail now."""
        self._open().check_writable()

    def close(self) -> None:
        """Settle what was accepted, and let go of the folder."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None
            self._folder.release()

    def _open(self) -> OpenStore:
        if self._opened is None:
            raise StorageFailed(CLOSED)
        return self._opened
