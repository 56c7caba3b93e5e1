"""Puts all of Holdfast together; starts it, stops it."""

import contextlib
import logging
import platform
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from core.absences import Absences
from core.attempts import Fate
from core.audit import Audit
from core.bulk_desk import BulkDesk
from core.chores import Chores
from core.clearing.quarantines import Quarantines
from core.clerk import Clerk
from core.clock import Clock, SystemClock
from core.dead_letters import DeadLetters
from core.destinations.known import Destinations
from core.dispatch.local import LocalDispatcher
from core.doubts import Doubts
from core.edits import HandEdits
from core.engines import engine_for
from core.engines.base import EngineMaker
from core.errors import HoldfastError, StorageFailed, StoreInUse, WrongState
from core.event_log import EventLog
from core.events import Event, EventBus
from core.histories import Histories
from core.holdings import OwnBackup as KeptBackup
from core.holdings import Reach, Stocktaking
from core.housekeeping import Housekeeping
from core.imports.desk import Imports
from core.installation import Installation
from core.keeping import MEGABYTE, Keeper, keeping_in
from core.kept_files import KeptFiles
from core.logs import RunLogs
from core.manager import JobManager
from core.metrics import Metrics
from core.models import Run, Value
from core.notifications.office import Office
from core.notifications.wishes import wishes_in
from core.outlook import Outlook
from core.own_backups import OwnBackups
from core.places.book import DestinationBook
from core.places.probes import Probes
from core.places.rounds import Rounds
from core.plans import Plans
from core.preferences import PreferenceBook
from core.recovery import fate_of
from core.rehearsals import Rehearsals
from core.remains import Remains
from core.scheduler import Scheduler
from core.settings import Settings
from core.standing import Standing
from core.states import AT_WORK
from core.storage.base import JobStore
from core.storage.marker import read_marker
from core.storage.measuring import Part, Scales
from core.storage.own_backup import OwnBackup, Source, nothing_there_yet, take_backup
from core.storage.shelf import Shelf
from core.storage.yaml_files import YamlFilesStore
from core.suggestions.desk import Suggestions
from core.tenants import Tenants
from core.waiting_room import WaitingRoom
from core.watchdog import Watchdog
from core.work import Surroundings
from core.worker import Worker
from core.workers import WorkerSeen, local_worker

log = logging.getLogger(__name__)

RECOVER_AGAIN_EVERY: Final = 5.0
"""Seconds between two tries to decide what becomes of lost runs, while the disk refuses."""

A_MOMENT: Final = 0.05
"""Seconds in which those gather what happens who are in no hurry."""

WIND_DOWN: Final = 10.0
"""Seconds beyond the grace that whatever is at work has to make an end when Holdfast stops."""


ALL_OF_IT: Final = float("inf")


class Freed(Value, frozen=True, kw_only=True):
    """What letting go of things made of the data folder, in bytes on the disk; of each part, what it lost."""

    before: int
    after: int
    parts: Mapping[Part, int]


def surroundings_in(settings: Settings, data: Path, destinations: Destinations) -> Surroundings:
    """Return what engines may know about the house."""
    return Surroundings(
        destinations=destinations,
        own_data=data,
        shells=settings.shell == "on",
        pass_env=settings.pass_env,
        log_bytes=settings.run_log_mb * MEGABYTE,
        step_programs=settings.step_programs,
    )


class Service:
    """One Holdfast: a store, its manager, its slots and its worker."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: JobStore | None = None,
        clock: Clock | None = None,
        make_engine: EngineMaker = engine_for,
    ) -> None:
        clock = clock or SystemClock()
        self._make_engine = make_engine
        self._begun_at = clock.now()
        self.programs_stay = False
        self.on_restart: Callable[[], object] | None = None
        self.settings = settings
        self.data = settings.data.absolute()
        self.clock = clock
        self.events = EventBus()
        self.dispatcher = LocalDispatcher(settings.slots, clock)
        self.destinations = DestinationBook(lambda: self.manager, self.data, clock)
        surroundings = self.surroundings = surroundings_in(settings, self.data, self.destinations)
        self._store = store or YamlFilesStore(self.data, clock=clock)
        self.manager = JobManager(
            self._store,
            self.events,
            clock,
            self.dispatcher,
            make_engine,
            surroundings,
        )
        self.probes = Probes(
            self.destinations, lambda: self.manager, self.data, clock, store_id=self._store_id
        )
        self.rounds = Rounds(self.destinations, lambda: self.manager, self.probes, clock)
        self.waiting_room = WaitingRoom(self.manager, self.dispatcher, clock)
        self.scheduler = Scheduler(self.manager, self.events, clock)
        self.logs = RunLogs(self.data / "logs", self.events, clock, quota=settings.run_log_mb * MEGABYTE)
        self.worker = Worker(
            platform.node() or "here",
            self.manager,
            self.logs,
            self.data / "work",
            surroundings,
            clock,
        )
        self.metrics = Metrics(
            self.data / "metrics",
            clock,
            self.manager.runs_at_hand,
            lambda: self.dispatcher.load().waiting,
        )
        self.histories = Histories(self.manager, self.logs, self.events)
        self.notifications = Office(
            self.manager,
            self.events,
            clock,
            self.data / "notifications",
            wishes_in(settings),
            alive=self._is_alive,
            unusual=self.histories.words,
        )
        self.tenants = Tenants(self.manager, self.events)
        self.standing = Standing(self.manager, self.notifications.rhythm, self.events, clock)
        self.manager.late_jobs = self.notifications.rhythm.late_jobs
        self.dead_letters = DeadLetters(self.manager, clock)
        self.watchdog = Watchdog(self.manager, self.worker, self._fate_of)
        self.keeper = Keeper(self.manager, self.logs, self.data, clock, keeping_in(settings))
        self.own_backups = OwnBackups(
            settings.own_backup_dir or self.data / "backups" / "own-state",
            self.data,
            clock,
            self._source,
            most_bytes=settings.own_backup_mb * MEGABYTE,
        )
        self.kept_files = KeptFiles(self.data, self.own_backups.place, clock)
        self.stock = Stocktaking(self.manager, self.keeper, self.data, clock, reach=self._reach)
        self.audit = Audit(self.data / "audit", clock)
        self.event_log = EventLog(self.data / "events")
        self.outlook = Outlook(self.manager, clock)
        self.events.tell_at_once("outlook", self.outlook.hear)
        self.plans = Plans(self.manager, self.outlook, clock)
        self.absences = Absences(self.event_log, clock)
        self.clerk = Clerk(
            self._store,
            self.manager,
            self.events,
            clock,
            self.event_log,
            self.audit,
            keep_for=timedelta(days=settings.keep_events_days),
        )
        self.bulk = BulkDesk(self.manager, self.audit, clock)
        self.remains = Remains(self.manager, self.worker, self.logs, self.destinations, self.data)
        self.quarantines = Quarantines(
            self.manager, self.data, clock, self.audit, Doubts(self.manager, self.destinations, clock).of
        )
        self.edits = HandEdits(self.manager, self.events, clock, self._shelf)
        self.preferences = PreferenceBook(lambda: self.manager)
        self.imports = Imports(lambda: self.manager, self.destinations, surroundings)
        self.suggestions = Suggestions(clock, self.imports)
        self.rehearsals = Rehearsals(self.manager, surroundings, self.data / "work", clock)
        self.installation = Installation(self.manager, settings, self._put_in_force)
        self.housekeeping = Housekeeping(clock)
        self._plan_chores()

    def _plan_chores(self) -> None:
        chores = Chores(
            self.manager,
            self.clock,
            self.data,
            keeper=self.keeper,
            clerk=self.clerk,
            stock=self.stock,
            quarantines=self.quarantines,
            logs=self.logs,
        )
        daily = self.settings.own_backup == "daily" and isinstance(self._store, YamlFilesStore)
        chores.plan(self.housekeeping, self.own_backups if daily else None)

    def workers(self) -> tuple[WorkerSeen, ...]:
        """Return who carries runs out: the worker of this process."""
        return (local_worker(self.worker, self.dispatcher, self._begun_at),)

    def _put_in_force(self, settings: Settings) -> None:
        """Keep to these settings from now on, as far as they may change while it runs."""
        self.settings = settings
        self.keeper.keeping = keeping_in(settings)
        self.clerk.keep_for = timedelta(days=settings.keep_events_days)
        self.own_backups.most_bytes = settings.own_backup_mb * MEGABYTE

    def start(self) -> None:
        """Open the store, take up what was left lying, and begin to work.

        Raises StoreInUse or StoreUnreadable; nothing was started then.
        """
        self._open()
        self.rehearsals.clear_up()
        self.dispatcher.start(self.worker.carry_out)
        self.scheduler.start()
        self.notifications.start()
        self.standing.start()
        self.tenants.start()
        self.housekeeping.start()
        self.edits.start()
        self.watchdog.start()
        self.rounds.start()
        if self.manager.still_lost:
            threading.Thread(target=self._recover_the_rest, name="recovery", daemon=True).start()

    def hurry(self) -> None:
        """Let a stop that is under way wait no longer for programs to end by themselves."""
        self.worker.leaving.hurry()

    def restart(self) -> None:
        """Ask for a restart that leaves programs at work; raises WrongState where nobody could begin anew."""
        if self.on_restart is None:
            raise WrongState("This Holdfast cannot restart by itself.", hint="Stop it and start it again.")
        self.on_restart()

    def stop(self) -> None:
        """Ask the engines to give their slots back, wait for them, and close everything.

        Programs at work have the grace to end by themselves; then they are ended, unless `programs_stay`: then they
        stay at work, and whoever starts next takes them up.
        """
        self.scheduler.stop()
        self.bulk.close()
        self.rehearsals.stop()
        self.worker.leave(grace=self.settings.grace, programs_stay=self.programs_stay)
        self.housekeeping.stop()
        self.edits.close()
        if not self.dispatcher.stop(self.settings.grace + WIND_DOWN):
            log.warning("something at work does not let go; its run is looked after at the next start")
        self.standing.stop()
        self.tenants.stop()
        self.notifications.stop()
        self._close()

    @contextlib.contextmanager
    def opened(self, *, at_work: bool) -> Iterator["Service"]:
        """Open the store and carry nothing out by itself; close it whatever happens.

        Who is not at work goes beside whoever is. Raises StoreInUse when both would be at work.
        """
        if at_work:
            self._open()
        else:
            self._visit()
        try:
            yield self
        finally:
            self._close()

    def _open(self) -> None:
        self.manager.open()
        self.installation.open()
        if not isinstance(self._store, YamlFilesStore):
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.clerk.open()
        self.events.subscribe("housekeeping", self._tidy, self.remains.wants)
        self.events.subscribe("quarantines", self.quarantines.heard, self.quarantines.wants)
        self.events.subscribe("metrics", self.metrics.heard, self.metrics.wants, pace=A_MOMENT)
        self.events.subscribe("histories", self.histories.heard, self.histories.wants, pace=A_MOMENT)
        self.metrics.start()
        self.edits.catch_up()
        self._recover()
        self.quarantines.adopt_all()
        self.remains.sweep()

    def _visit(self) -> None:
        """Open the store beside whoever is at work; where nobody is, decide about what was lost."""
        if self._wants_an_upgrade():
            self._open()
            return
        self.manager.open(at_work=False)
        self.events.subscribe("housekeeping", self._tidy, self.remains.wants)
        if any(run.state in AT_WORK for run in self.manager.runs_at_hand()):
            self.manager.close()
            try:
                self.manager.open()
            except StoreInUse:
                self.manager.open(at_work=False)
            else:
                self._recover()
        if not self.another_is_at_work:
            self.edits.catch_up(tidy=False)
            self.quarantines.adopt_all()

    @property
    def another_is_at_work(self) -> bool:
        """Tell whether another process carries runs out in this store."""
        return isinstance(self._store, YamlFilesStore) and self._store.another_is_at_work

    def _is_alive(self) -> bool:
        """Tell whether changes can be kept and runs are carried out."""
        try:
            self.manager.check_writable()
        except HoldfastError:
            return False
        return self.dispatcher.is_working()

    def _shelf(self) -> Shelf | None:
        return self._store.shelf if isinstance(self._store, YamlFilesStore) else None

    def _store_id(self) -> str:
        """Return which store this is; a marker that we lay says so. In memory there is none that lasts."""
        marker = read_marker(self.data / "store.yaml")
        return marker.store if marker is not None else ""

    def _wants_an_upgrade(self) -> bool:
        return isinstance(self._store, YamlFilesStore) and self._store.wants_an_upgrade

    def _recover(self) -> None:
        for run in self.manager.recover(self._fate_of):
            if run.state in AT_WORK:
                log.info("run %s of job %s is taken up where its program is", run.id, run.job_id)
            else:
                log.warning(
                    "run %s of job %s had lost its worker; it is %s now", run.id, run.job_id, run.state
                )

    def _fate_of(self, run: Run) -> Fate:
        return fate_of(run, self.worker.workspace(run.id), self._make_engine)

    def _recover_the_rest(self) -> None:
        """Try again what the store refused at the start, until it takes it."""
        while self.manager.still_lost and not self.worker.leaving.wait(RECOVER_AGAIN_EVERY):
            self._recover()

    def _close(self) -> None:
        self.events.close()
        self.metrics.stop()
        self.logs.close_all()
        self.clerk.close()
        self.manager.close()

    def tell_address(self, address: str) -> None:
        """Let whoever finds the data folder held know where to go, as far as the disk allows."""
        if isinstance(self._store, YamlFilesStore):
            try:
                self._store.tell_address(address)
            except StorageFailed as error:  # no reason not to serve: reading goes on
                log.warning("%s", error)

    def back_up_own_state(self, *, with_logs: bool = False) -> OwnBackup:
        """Back Holdfast's own state up now; raises StorageFull or StorageFailed."""
        return self.own_backups.take(with_logs=with_logs)

    def back_up_into(self, target: Path, *, with_logs: bool = False) -> OwnBackup:
        """Back it up into a new file somewhere else; raises Refused, StorageFull or StorageFailed."""
        return take_backup(self._source(), nothing_there_yet(target), self.clock, with_logs=with_logs)

    def compact(self) -> Freed:
        """Let go of everything that is not needed any more, now; raises StorageFull or StorageFailed."""
        before = Scales(self.data, self.clock).weigh(ALL_OF_IT)
        if isinstance(self._store, YamlFilesStore):
            self.own_backups.prune()  # first, as what follows takes some room
        self.keeper.tidy()
        if isinstance(self._store, YamlFilesStore):
            self._store.compact()
            self.own_backups.prune()
        after = Scales(self.data, self.clock).weigh(ALL_OF_IT)
        parts = {part: before.parts[part].bytes - after.parts[part].bytes for part in before.parts}
        return Freed(before=before.bytes, after=after.bytes, parts=parts)

    @property
    def troubles(self) -> tuple[str, ...]:
        """Return what keeps the store in order and could not be done, and why."""
        store = self._store.troubles if isinstance(self._store, YamlFilesStore) else ()
        chores = (chore for chore in self.housekeeping.states() if chore.trouble)
        untold = (self.clerk.trouble,) if self.clerk.trouble else ()
        return (*store, *untold, *(f"Not done: {chore.name}. {chore.trouble}" for chore in chores))

    def _source(self) -> Source:
        if not isinstance(self._store, YamlFilesStore):
            raise StorageFailed("This store is in memory only.", hint="There is nothing to back up.")
        return self._store.source

    def _reach(self) -> Reach:
        """Return what can be brought back."""
        if not isinstance(self._store, YamlFilesStore):
            return Reach()
        kept = self.own_backups.kept()
        if not kept:
            return Reach()
        newest = kept[0]
        return Reach(
            backup=KeptBackup(
                name=newest.path.name,
                made_at=newest.made_at,
                bytes=newest.size,
                verified_at=newest.made_at,  # none takes its place before it was read back
            ),
            earliest=min(datetime.fromtimestamp(one.facts.t / 1000, UTC) for one in kept),
        )

    def manifest(self, run_id: str) -> Path:
        """Return where the digest manifest of a run is, if it has one."""
        return self.worker.workspace(run_id) / "manifest.b3"

    def _tidy(self, event: Event) -> None:
        """Remove what runs that are gone leave beside the store."""
        self.remains.heard(event, alone=not self.another_is_at_work)
