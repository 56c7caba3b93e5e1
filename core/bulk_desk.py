"""Where something done to many jobs is planned, carried out and taken back, while whoever asked looks on.

In memory only: what is planned and not carried out is forgotten with a restart, and nothing was done. What is deleted
here goes gently, so that keeping it survives a restart.
"""

import contextvars
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from msgspec.structs import replace

from core.audit import Audit
from core.bulk import OPPOSITES, Bulk, Refusal, Told, Verb, Wish, check, fingerprint_of
from core.clock import Clock
from core.errors import HoldfastError, NotFound, WrongState
from core.goings import TO_THINK
from core.listing import JobQuery
from core.manager import JobManager
from core.models import Value

MOST_KEPT: Final = 30
BULK: Final = "jobs.bulk"

T = TypeVar("T")


class PlanOutdated(WrongState):
    """Other jobs match by now than those that were shown."""

    code = "plan-outdated"
    hint = "Look at what would be done now, then decide again."


class Plan(Value, frozen=True, kw_only=True):
    """What would be done: to `will`, not to those `refused`; `unchanged` are so already.

    `query` finds the jobs, where they were not named; `words` says in words which are meant.
    """

    id: str
    wish: Wish
    words: str
    query: JobQuery | None
    job_ids: tuple[str, ...]
    will: tuple[str, ...]
    unchanged: int
    refused: tuple[Refusal, ...]
    back: str = ""


@dataclass
class Work:
    """Something that is done to many jobs, how far it is, and until when it can be taken back."""

    id: str
    plan: Plan
    until: datetime | None = None
    changed: dict[str, str] = field(default_factory=dict)
    """What each job that it changed was left as, by the ids of the jobs."""
    refused: list[Refusal] = field(default_factory=list)
    seen: int = 0
    trouble: str = ""
    over: threading.Event = field(default_factory=threading.Event)
    undone: bool = False
    takes_back: bool = False
    told: bool = False

    @property
    def total(self) -> int:
        """Return to how many jobs it is done."""
        return len(self.plan.will)


class BulkDesk:
    """Plans, carries out, takes back. Safe to use from several threads; one work after the other."""

    def __init__(self, manager: JobManager, audit: Audit, clock: Clock) -> None:
        self._bulk = Bulk(manager)
        self._audit = audit
        self._clock = clock
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self._works: OrderedDict[str, Work] = OrderedDict()
        self._ending = threading.Event()

    def plan(
        self,
        wish: Wish,
        *,
        named: Collection[str] = (),
        query: JobQuery | None = None,
        words: str = "",
        back: str = "",
    ) -> Plan:
        """Return what would be done to these jobs, or to all that match; raises InvalidOptions or WrongState."""
        check(wish)
        gone = self._bulk.gone(named) if query is None else ()
        missing = {one.job_id for one in gone}
        known = (job_id for job_id in named if job_id not in missing)
        job_ids = self._bulk.named(known) if query is None else self._bulk.matching(query)
        if not job_ids and not gone:
            raise WrongState("No job is selected.", hint="Tick the jobs that you mean, then choose again.")
        told = tuple(self._bulk.preview(wish, job_ids))
        plan = Plan(
            id=secrets.token_urlsafe(12),
            wish=wish,
            words=words,
            query=query,
            job_ids=job_ids,
            will=tuple(one.job_id for one in told if one.changed),
            unchanged=sum(one.refusal is None and not one.changed for one in told),
            refused=(*gone, *(one.refusal for one in told if one.refusal is not None)),
            back=back,
        )
        with self._lock:
            _keep(self._plans, plan.id, plan)
        return plan

    def planned(self, plan_id: str) -> Plan:
        """Return what was planned; raises WrongState where that is not known any more."""
        plan = self._plans.get(plan_id)
        if plan is None:
            raise WrongState("What was shown is not known any more.", hint="Select the jobs, and look again.")
        return plan

    def carry_out(self, plan_id: str) -> Work:
        """Begin to do exactly what was shown, once; raises PlanOutdated where other jobs match by now."""
        plan = self.planned(plan_id)
        if plan.query is not None and fingerprint_of(self._bulk.matching(plan.query)) != fingerprint_of(
            plan.job_ids
        ):
            raise PlanOutdated("Other jobs match by now than those that were shown.")
        with self._lock:
            if self._plans.pop(plan_id, None) is None:
                raise WrongState("This was begun already.", hint="Look at the list.")
            work = Work(id=secrets.token_urlsafe(12), plan=plan, refused=list(plan.refused))
            _keep(self._works, work.id, work)
        self._audit.note(BULK, _noted(plan.wish.verb, len(plan.will), plan.words))
        self._begin(partial(self._do, work, self._bulk.do(plan.wish, plan.will)))
        return work

    def work(self, work_id: str) -> Work:
        """Return a work; raises NotFound where it is not known any more."""
        work = self._works.get(work_id)
        if work is None:
            what = "work"
            raise NotFound(what, work_id, hint="The list shows what came of it.")
        return work

    def undo(self, work_id: str) -> Work:
        """Begin to take back what a work did; raises WrongState where the opposite does not exist, or not any more."""
        work = self.work(work_id)
        wish = work.plan.wish
        verb = OPPOSITES.get(wish.verb)
        if verb is None or not work.over.is_set() or work.until is None or self._clock.now() > work.until:
            raise WrongState(
                "This cannot be taken back any more.", hint="Select the jobs, and do the opposite."
            )
        plan = replace(work.plan, wish=replace(wish, verb=verb), will=tuple(work.changed))
        with self._lock:
            if work.undone:
                raise WrongState("This was taken back already.", hint="Look at the list.")
            work.undone = True
            back = Work(id=secrets.token_urlsafe(12), plan=plan, takes_back=True)
            _keep(self._works, back.id, back)
        self._audit.note(BULK, _noted(verb, len(work.changed), "taken back"))
        self._begin(partial(self._do, back, self._bulk.take_back(plan.wish, work.changed)))
        return back

    def close(self) -> None:
        """Begin nothing more, and let what is under way come to the end of its group."""
        self._ending.set()
        with self._turn:
            pass

    def _begin(self, work: Callable[[], None]) -> None:
        context = contextvars.copy_context()  # whoever asked is who acts
        threading.Thread(target=context.run, args=(work,), name="bulk", daemon=True).start()

    def _do(self, work: Work, course: Iterator[Told]) -> None:
        with self._turn:
            try:
                self._do_all(work, course)
            except HoldfastError as error:
                work.trouble = str(error)
            finally:
                work.over.set()

    def _do_all(self, work: Work, course: Iterator[Told]) -> None:
        began = self._clock.now()
        for told in course:
            work.seen += 1
            if told.refusal is not None:
                work.refused.append(told.refusal)
            elif told.changed:
                work.changed[told.job_id] = told.left
            if self._ending.is_set():
                work.trouble = "Holdfast was stopped meanwhile; the rest was not done."
                return
        if work.plan.wish.verb in OPPOSITES and work.changed and not work.takes_back:
            begins = began if work.plan.wish.verb is Verb.DELETE else self._clock.now()
            work.until = begins + TO_THINK


def _keep(kept: OrderedDict[str, T], name: str, value: T) -> None:
    kept[name] = value
    while len(kept) > MOST_KEPT:
        kept.popitem(last=False)


def _noted(verb: Verb, count: int, which: str) -> str:
    """Return what the audit says of it: "Disable: 1 job, chosen one by one."."""
    return f"{verb.capitalize()}: {count:,} {'job' if count == 1 else 'jobs'}, {which}."
