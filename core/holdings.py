"""What this Holdfast holds and what that costs: counted, weighed, and told with what retention would take."""

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from core.clock import Clock
from core.errors import InvalidYaml
from core.keeping import Keeper, Outlook
from core.manager import JobManager
from core.models import Value
from core.retention import Keeping
from core.storage import yaml_text
from core.storage.atomic import write_whole
from core.storage.base import Problem
from core.storage.measuring import Amount, Part, Room, Scales, Weights, room_at

__all__ = [
    "Amount",
    "Holdings",
    "OwnBackup",
    "Part",
    "Problem",
    "PutAside",
    "Reach",
    "Room",
    "Sample",
    "Stocktaking",
]

log = logging.getLogger(__name__)

NEW_FOR: Final = 60.0
OUTLOOK_NEW_FOR: Final = 600.0
"""Seconds for which what was found is told again: looking into every log costs more than counting."""

SAMPLED_EVERY: Final = timedelta(hours=20)
"""A little less than a day, so that a day whose chore comes early has its sample all the same."""

MOST_SAMPLES: Final = 800


class OwnBackup(Value, frozen=True, kw_only=True):
    """The newest backup of Holdfast's own state; `verified_at` is when it was read back and found whole."""

    name: str
    made_at: datetime
    bytes: int
    verified_at: datetime | None = None


class Reach(Value, frozen=True, kw_only=True):
    """What can be brought back: the newest backup, and the earliest moment; None where there is none."""

    backup: OwnBackup | None = None
    earliest: datetime | None = None


class PutAside(Value, frozen=True, kw_only=True):
    """Something in quarantine: it could not be read, or a person discarded it."""

    name: str
    bytes: int
    at: datetime


class Sample(Value, frozen=True, kw_only=True):
    """How much of the disk everything took at a moment."""

    at: datetime
    bytes: int


class Holdings(Value, frozen=True, kw_only=True):
    """What there is, as of `at`. Not `whole` while some folders have never been weighed."""

    at: datetime
    jobs: int
    runs: int
    older_runs: int
    parts: Mapping[Part, Amount]
    whole: bool
    room: Room | None
    first: Sample | None
    checkpoint_at: datetime | None
    reach: Reach
    keeping: Keeping
    outlook: Outlook

    @property
    def bytes(self) -> int:
        """Return what all parts take together."""
        return sum(amount.bytes for amount in self.parts.values())


class Stocktaking:
    """Counts and weighs, at most once a minute however often it is asked. Call it off the event loop.

    `room` says what is left on the disk now, None where nobody can say; `reach` what can be brought back.
    """

    def __init__(
        self,
        manager: JobManager,
        keeper: Keeper,
        data: Path,
        clock: Clock,
        *,
        reach: Callable[[], Reach] = Reach,
        room: Callable[[], Room | None] | None = None,
    ) -> None:
        self._manager = manager
        self._keeper = keeper
        self._data = data
        self._clock = clock
        self.reach = reach
        self.room = room or partial(room_at, data)
        self._scales = Scales(data, clock)
        self._lock = threading.Lock()
        self._taken: Holdings | None = None
        self._taken_at = self._outlook_at = float("-inf")
        self._outlook = Outlook()

    def holdings(self) -> Holdings:
        """Return what there is."""
        with self._lock:
            now = self._clock.monotonic()
            if self._taken is None or now - self._taken_at >= NEW_FOR:
                self._taken, self._taken_at = self._take(now), now
            return self._taken

    def forget(self) -> None:
        """Look anew the next time: something was done that a person wants to see."""
        with self._lock:
            self._taken_at = self._outlook_at = float("-inf")

    def quarantine(self) -> tuple[PutAside, ...]:
        """Return what was put aside, the newest first."""
        found = []
        for path in (self._data / "quarantine").rglob("*"):
            with contextlib.suppress(OSError):
                if path.is_file() and not path.is_symlink():
                    status, name = path.stat(), str(path.relative_to(self._data))
                    at = datetime.fromtimestamp(status.st_mtime, UTC)
                    found.append(PutAside(name=name, bytes=status.st_size, at=at))
        return tuple(sorted(found, key=lambda aside: aside.at, reverse=True))

    def sample(self) -> None:
        """Keep how much everything takes, once a day."""
        samples = self._samples()
        if samples and self._clock.now() - samples[-1].at < SAMPLED_EVERY:
            return
        with self._lock:
            weights = self._scales.weigh(float("inf"))
        samples = [*samples, Sample(at=self._clock.now(), bytes=weights.bytes)][-MOST_SAMPLES:]
        lines = [{"at": sample.at.isoformat(), "bytes": sample.bytes} for sample in samples]
        write_whole(self._samples_path, yaml_text.write({"samples": lines}))

    def _take(self, now: float) -> Holdings:
        weights: Weights = self._scales.weigh()
        if now - self._outlook_at >= OUTLOOK_NEW_FOR:
            self._outlook, self._outlook_at = self._keeper.outlook(), now
        at_hand, older = self._manager.count_runs()
        return Holdings(
            at=self._clock.now(),
            jobs=sum(self._manager.counts().values()),
            runs=at_hand,
            older_runs=older,
            parts=weights.parts,
            whole=weights.whole,
            room=self.room(),
            first=next(iter(self._samples()), None),
            checkpoint_at=_newest(self._data / "state", "checkpoint-*.yaml"),
            reach=self.reach(),
            keeping=self._keeper.keeping,
            outlook=self._outlook,
        )

    @property
    def _samples_path(self) -> Path:
        return self._data / "state" / "growth.yaml"

    def _samples(self) -> list[Sample]:
        """Return what was kept of earlier days; a file that says nothing of use begins anew."""
        try:
            plain: Any = yaml_text.read(self._samples_path.read_bytes())
            return msgspec.convert(plain["samples"], list[Sample])
        except FileNotFoundError:
            return []
        except (OSError, InvalidYaml, msgspec.ValidationError, LookupError, TypeError) as error:
            log.warning("how much there was on earlier days cannot be read: %s", error)
            return []


def _newest(folder: Path, pattern: str) -> datetime | None:
    """Return when the newest of some files was written; None without any."""
    times = []
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):
            times.append(path.stat().st_mtime)
    return datetime.fromtimestamp(max(times), UTC) if times else None
