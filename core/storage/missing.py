"""The jobs whose files are gone, and for how long: not everything that is gone was deleted."""

from collections.abc import Iterator
from typing import Final

from core.clock import Clock

DELETED_AFTER: Final = 60.0
"""Seconds that a file may be away: editors and version control remove files and make them anew."""

MANY: Final = 2
LARGE_PART: Final = 0.2
"""More than so many jobs, and more than this part of all, are not deleted at once because of their files."""


class Missing:
    """Remembers since when each file is gone. Not thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}
        self._files: dict[str, str] = {}
        self._told: set[str] = set()
        self._withheld: set[str] = set()

    @property
    def all(self) -> tuple[str, ...]:
        """Return every job whose file is gone."""
        return tuple(self._since)

    def gone(self, job_id: str, file: str) -> bool:
        """Take note that a file is gone; returns whether that is new."""
        is_new = job_id not in self._since
        self._since.setdefault(job_id, self._clock.monotonic())
        self._files[job_id] = file
        return is_new

    def back(self, job_id: str) -> None:
        """Take note that a file is there again, or that its job has gone, too."""
        self._since.pop(job_id, None)
        self._files.pop(job_id, None)
        self._told.discard(job_id)
        self._withheld.discard(job_id)

    @property
    def files(self) -> tuple[str, ...]:
        """Return every file that is gone."""
        return tuple(self._files.values())

    def withheld(self, jobs: int, *, with_folders: bool) -> tuple[str, ...]:
        """Return the jobs that are not deleted, because too large a part of all (`jobs`) went at once.

        Of a few jobs all is too much; of a single one, if its file went `with_folders`: that is a
        disk that is not mounted, or a folder that was moved. They stay withheld when some of them
        come back: nobody deleted the rest by that.
        """
        gone = len(self._since)
        if gone > max(MANY, LARGE_PART * jobs) or (gone >= jobs and (gone > 1 or with_folders)):
            self._withheld.update(self._since)
        return tuple(self._withheld)

    def new(self) -> Iterator[tuple[str, str]]:
        """Give the jobs and files that nobody was told of yet."""
        for job_id, file in tuple(self._files.items()):
            if job_id not in self._told and job_id not in self._withheld:
                self._told.add(job_id)
                yield job_id, file

    def due(self) -> Iterator[str]:
        """Give the jobs whose files have been gone long enough."""
        now = self._clock.monotonic()
        for job_id, since in tuple(self._since.items()):
            if now - since >= DELETED_AFTER and job_id not in self._withheld:
                yield job_id
