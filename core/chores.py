"""What keeps the house in order, and how often it is done."""

from pathlib import Path
from typing import Final

from core import steps
from core.clearing.quarantines import Quarantines
from core.clerk import Clerk
from core.clock import Clock
from core.errors import NotFound
from core.holdings import Stocktaking
from core.housekeeping import (
    EMPTYING,
    EVENTS,
    LEAVING,
    OWN_BACKUP,
    SAMPLING,
    SEARCHING,
    TIDYING,
    UNDOING,
    Housekeeping,
)
from core.keeping import Keeper
from core.logs import RunLogs
from core.manager import JobManager
from core.own_backups import OwnBackups
from core.states import AT_WORK

AT_EACH_LOOK: Final = 0.0
A_MINUTE: Final = 60.0
A_WHILE: Final = 600.0
AN_HOUR: Final = 3_600.0
A_DAY: Final = 24 * AN_HOUR
"""How often house is kept, in seconds, and how long after the start it begins."""


class Chores:
    """The chores of one Holdfast, each from whoever knows how to do it."""

    def __init__(
        self,
        manager: JobManager,
        clock: Clock,
        data: Path,
        *,
        keeper: Keeper,
        clerk: Clerk,
        stock: Stocktaking,
        quarantines: Quarantines,
        logs: RunLogs,
    ) -> None:
        self._manager = manager
        self._clock = clock
        self._data = data
        self._keeper = keeper
        self._clerk = clerk
        self._stock = stock
        self._quarantines = quarantines
        self._logs = logs

    def plan(self, housekeeping: Housekeeping, own_backups: OwnBackups | None) -> None:
        """Give all of them to who does them; own backups only where they are wanted."""
        housekeeping.add(SEARCHING, self._manager.prepare_search, every=A_DAY)
        housekeeping.add(LEAVING, self._delete_what_goes, every=AT_EACH_LOOK)
        housekeeping.add(UNDOING, self._undo_steps, every=A_MINUTE)
        housekeeping.add(
            EMPTYING, self._empty_quarantines, every=A_DAY, first_after=A_WHILE, again_after=AN_HOUR
        )
        housekeeping.add(TIDYING, self._keeper.tidy, every=A_DAY, first_after=A_WHILE)
        housekeeping.add(EVENTS, self._clerk.tidy, every=A_DAY, first_after=A_WHILE)
        housekeeping.add(SAMPLING, self._stock.sample, every=AN_HOUR, first_after=A_WHILE)
        if own_backups is not None:
            housekeeping.add(OWN_BACKUP, own_backups.take_when_due, every=A_WHILE, first_after=A_MINUTE)

    def _delete_what_goes(self) -> None:
        """Delete the jobs that nobody kept after all."""
        self._manager.delete_due(self._clock.now())

    def _empty_quarantines(self) -> None:
        """Let go of what was set aside for long enough; that goes on by itself."""
        self._quarantines.empty_due()

    def _undo_steps(self) -> None:
        """Undo what steps did for runs that nobody is at work on."""
        steps.recover(
            self._data, self._is_at_work, lambda run_id, words: self._logs.write(run_id, "info", words)
        )

    def _is_at_work(self, run_id: str) -> bool:
        try:
            return self._manager.run(run_id).state in AT_WORK
        except NotFound:
            return False
