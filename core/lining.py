"""What people say about the queue: pauses, limits, breakers; and registers that others keep things in."""

import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from core.deciding import BREAKER, QUEUE, decided_again
from core.errors import InvalidOptions
from core.models import Job, Run
from core.queueing import Holdup, Pause, Rules, Scope, limited, paused, register_of, resumed, rules_of
from core.starting import Starting
from core.terms import is_good_name

MOST_AT_ONCE: Final = 10_000
LONGEST_REASON: Final = 1_000
LONGEST_PAUSE: Final = timedelta(days=36_500)

Registers = Mapping[str, Mapping[str, Any] | None]
Change = Callable[[Callable[[str], Mapping[str, Any] | None]], Registers]
"""Returns what registers will have, and is given how to read what they have; None is no register."""


class Lining(Starting):
    """Changes what holds runs back."""

    _held: tuple[Mapping[str, Any] | None, datetime | None, frozenset[str]] = (None, None, frozenset())
    """What the queue's register had last, until when that holds, and which jobs are paused by it."""

    @decided_again
    def pause_line(  # each word is one fact about the pause
        self, scope: Scope, name: str = "", *, by: str = "", reason: str = "", until: datetime | None = None
    ) -> Rules:
        """Let nothing new begin of the queue, a kind, a job or a group. Raises NotFound for an unknown job or kind."""
        self._check(scope, name)
        with self._deciding(why=f"paused {scope.key(name)}") as decision:
            if scope is Scope.JOB:
                decision.job(name)
            if until is not None and not decision.now < until < decision.now + LONGEST_PAUSE:
                raise InvalidOptions({"until": "This must be a moment to come, within the next 100 years."})
            words = " ".join(reason.split())[:LONGEST_REASON]
            pause = Pause(by=by, at=decision.now, reason=words, until=until)
            rules = paused(rules_of(decision.register(QUEUE)), scope, name, pause)
            decision.set(QUEUE, register_of(rules))
            return rules

    @decided_again
    def resume_line(self, scope: Scope, name: str = "") -> Rules:
        """Let what was paused begin again."""
        with self._deciding(why=f"resumed {scope.key(name)}") as decision:
            rules = resumed(rules_of(decision.register(QUEUE)), scope, name)
            decision.set(QUEUE, register_of(rules))
            return rules

    @decided_again
    def limit(self, scope: Scope, name: str, most: int | None) -> Rules:
        """Let at most so many runs of a kind, a group, or all be at work at once; None is what goes without saying."""
        if most is not None and not 1 <= most <= MOST_AT_ONCE:
            raise InvalidOptions({"most": f"This must be from 1 to {MOST_AT_ONCE:,}."})
        if scope is Scope.JOB:
            raise InvalidOptions(
                {"scope": "A job has one run at a time; limits are for kinds, groups and the queue."}
            )
        if most is not None:
            self._check(scope, name)
        words = f"limit of {scope.key(name)} " + ("removed" if most is None else f"is {most}")
        with self._deciding(why=words) as decision:
            rules = limited(rules_of(decision.register(QUEUE)), scope, name, most)
            decision.set(QUEUE, register_of(rules))
            return rules

    def _check(self, scope: Scope, name: str) -> None:
        """Raise InvalidOptions where nothing can be called that, NotFound for a kind that does not exist."""
        _check_name(scope, name)
        if scope is Scope.KIND:
            with contextlib.suppress(InvalidOptions):  # that it wants options says that it is there
                self._make_engine(name, {})

    @decided_again
    def reset_breaker(self, name: str) -> None:
        """Close a breaker; whoever waits for it may begin."""
        with self._deciding(why=f"reset breaker {name}") as decision:
            decision.set(BREAKER + name, None)

    def held_jobs(self) -> frozenset[str]:
        """Return the ids of the jobs that somebody paused; the same object as long as they are the same."""
        kept, now = self._ledger.register(QUEUE), self._clock.now()
        known, until, held = self._held
        if kept is known and (until is None or now < until):
            return held
        rules, begins = rules_of(kept), Scope.JOB.key("")
        found = frozenset(
            key.removeprefix(begins)
            for key, pause in rules.pauses.items()
            if key.startswith(begins) and pause.binds(now)
        )
        held = held if found == held else found
        self._held = kept, min(rules.moments(now), default=None), held
        return held

    def holdup(self, run_id: str) -> Holdup | None:
        """Return what holds a queued run back; None when it is not in line."""
        return self._dispatcher.holdup(run_id)

    def unfinished(self) -> tuple[Run, ...]:
        """Return the runs that are not over, in no order."""
        return self._ledger.unfinished()

    def waiting_runs(self) -> tuple[Run, ...]:
        """Return the runs that wait: scheduled, blocked, queued; in no order."""
        return self._ledger.waiting()

    def unfinished_of(self, job_id: str) -> tuple[Run, ...]:
        """Return the runs of the job that are not over."""
        return self._ledger.unfinished_of(job_id)

    def scheduled_jobs(self) -> tuple[Job, ...]:
        """Return the jobs that have a schedule, and those that had one of which something is kept; in no order."""
        return self._ledger.scheduled_jobs()

    def register(self, name: str) -> Mapping[str, Any] | None:
        """Return what a register has; None where there is none."""
        return self._ledger.register(name)

    def registers(self, beginning: str) -> dict[str, Mapping[str, Any]]:
        """Return the registers whose names begin like that."""
        return self._ledger.registers(beginning)

    @decided_again
    def set_register(self, name: str, value: Mapping[str, Any] | None, *, why: str = "") -> None:
        """Have a register as it will be; None takes it away. For what is nobody's decision but its keeper's."""
        with self._deciding(why=why) as decision:
            decision.set(name, value)

    @decided_again
    def set_registers(self, values: Registers, *, why: str = "") -> None:
        """Have several registers as they will be, all or none."""
        with self._deciding(why=why) as decision:
            for name, value in values.items():
                decision.set(name, value)

    @decided_again
    def change_registers(self, change: Change, *, why: str = "") -> None:
        """Have registers as `change` makes them of what they are, all or none; it may be asked more than once."""
        with self._deciding(why=why) as decision:
            for name, value in change(decision.register).items():
                decision.set(name, value)


def _check_name(scope: Scope, name: str) -> None:
    """Raise InvalidOptions where nothing can be called that."""
    if scope is Scope.QUEUE and name:
        raise InvalidOptions({"name": "There is one queue; it has no name."})
    if scope in {Scope.KIND, Scope.GROUP} and not is_good_name(name):
        raise InvalidOptions(
            {"name": f"Name the {scope} that this is about, in up to 60 printable characters."}
        )
