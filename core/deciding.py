"""What every command stands on: the lock, one decision at a time, and the dispatcher that follows what is durable."""

import functools
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Concatenate, Final, ParamSpec, TypeVar

from core.breakers import Breaker
from core.clock import Clock
from core.decisions import Decision
from core.dispatch.base import Dispatcher
from core.engines.base import EngineMaker
from core.errors import HoldfastError, LateReport, Overtaken, VersionConflict
from core.events import EventBus
from core.ledger import Ledger
from core.models import Run
from core.queueing import Rules, place_of, rules_of
from core.states import AT_WORK, RunState
from core.storage.base import JobStore
from core.storage.rows import Changes

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
Self_ = TypeVar("Self_")

OVERTAKEN_AT_MOST: Final = 100
"""How often a decision is made again because another process was first."""

QUEUE: Final = "queue"
BREAKER: Final = "breaker/"


def decided_again(command: Callable[Concatenate[Self_, P], T]) -> Callable[Concatenate[Self_, P], T]:
    """Decide again, on what is known then, as long as another process was first."""

    @functools.wraps(command)
    def again(self: Self_, /, *arguments: P.args, **named: P.kwargs) -> T:
        for _ in range(OVERTAKEN_AT_MOST):
            try:
                return command(self, *arguments, **named)
            except Overtaken:
                log.info("another process was first; deciding again")
        return command(self, *arguments, **named)

    return again


class Deciding:
    """Makes decisions, one at a time, and lets the dispatcher know what is queued and what holds it back."""

    def __init__(
        self,
        store: JobStore,
        events: EventBus,
        clock: Clock,
        dispatcher: Dispatcher,
        make_engine: EngineMaker,
    ) -> None:
        self._ledger = Ledger(store, events, clock, self._follow)
        self._clock = clock
        self._dispatcher = dispatcher
        self._make_engine = make_engine
        self._draw = random.SystemRandom().uniform

    @contextmanager
    def _deciding(self, *, why: str = "") -> Iterator[Decision]:
        """Hold the lock, and commit the decision on the way out; nothing of it where something is raised."""
        with self._ledger.deciding():
            decision = Decision(self._ledger, self._clock, self.reached_by, why=why)
            yield decision
            decision.commit()

    @contextmanager
    def _about(self, run_id: str, version: int | None, *, why: str = "") -> Iterator[tuple[Decision, Run]]:
        """Decide about a run; raises NotFound or VersionConflict."""
        with self._deciding(why=why) as decision:
            run = decision.run(run_id)
            check_version(f"Run {run.number}", version, run.version)
            yield decision, run

    @contextmanager
    def _of_attempt(self, run_id: str, attempt: int, *, why: str = "") -> Iterator[tuple[Decision, Run]]:
        """Let only the attempt that holds the run change it; raises LateReport."""
        with self._about(run_id, None, why=why) as (decision, run):
            if run.attempt != attempt or run.state not in AT_WORK:
                message = f"Attempt {attempt} of run {run.number} was taken away; the run is {run.state}."
                raise LateReport(message)
            yield decision, run

    def reached_by(self, run: Run) -> tuple[str, ...]:
        """Return the remotes and destinations that a run needs; nothing where its kind does not say."""
        try:
            return self._make_engine(run.kind, run.options).reaches
        except HoldfastError:  # its kind is gone or its options are no longer good: its attempt will say so
            return ()

    def rules(self) -> Rules:
        """Return what holds runs back: pauses, limits and breakers."""
        return rules_of(self._ledger.register(QUEUE), self.breakers())

    def breakers(self) -> dict[str, Breaker]:
        """Return every breaker that has something to remember, by what it guards."""
        kept = self._ledger.registers(BREAKER)
        return {name.removeprefix(BREAKER): Breaker.of(value) for name, value in kept.items()}

    def _follow(self, changes: Changes) -> None:
        """Let the dispatcher know of what is durable now, whoever changed it."""
        for run in changes.runs:
            if run.state == RunState.QUEUED:
                self._enqueue(run)
            else:
                self._dispatcher.withdraw(run.id)
            if run.over:
                self._let_another_begin(run.job_id)
        if any(register.name == QUEUE or register.name.startswith(BREAKER) for register in changes.registers):
            self._dispatcher.govern(self.rules())

    def _enqueue(self, run: Run) -> None:
        """Put a queued run in line; one whose job has begun another, once that is over."""
        if not any(other.begun and other.id != run.id for other in self._ledger.unfinished_of(run.job_id)):
            self._dispatcher.enqueue(place_of(run))

    def _let_another_begin(self, job_id: str) -> None:
        for run in self._ledger.unfinished_of(job_id):
            if run.state == RunState.QUEUED:
                self._enqueue(run)


def check_version(name: str, expected: int | None, actual: int) -> None:
    """Raise VersionConflict where a version was named that is not the present one."""
    if expected is not None and expected != actual:
        raise VersionConflict(name, expected, actual)
