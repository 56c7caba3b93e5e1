"""JobManager: the one door to jobs and runs.

Commands decide what becomes of a job or a run and keep it by the ledger; each is durable when it
returns. Queries answer from memory and never write. A change that names an old version is
refused; a report of an attempt that was taken away is refused too.
"""

import asyncio
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from core import letters, questions, versions
from core.clock import Clock
from core.deciding import check_version, decided_again
from core.decisions import ANSWER, QUESTION, Decision
from core.dispatch.base import Dispatcher
from core.drafts import JobDraft, JobPatch, checked, draft_of, patched
from core.engines.base import Engine, EngineMaker
from core.errors import DefinitionMistaken, InvalidOptions, NotFound, NothingToAct, Overtaken, WrongState
from core.events import EventBus, JobCreated, JobEdited
from core.goings import MEMORY, Goings
from core.later import GroupWaiter
from core.listing import JobPage, JobQuery
from core.models import NOTHING, Job, JobOverview, Run
from core.relations import problem_with
from core.states import AT_WORK, RunState, check_move
from core.storage.base import Commitment, JobStore, Problem
from core.versions import Version
from core.work import Answer, Question, Surroundings

CREATED: Final = "created"
"""Whose keys are those of new jobs."""

MADE_READY_AT_ONCE: Final = 200
"""How many jobs are made ready to be searched while nobody else may look."""

T = TypeVar("T")


class JobManager(Goings):
    """Knows every job and run, and is the only one to change them."""

    def __init__(  # its collaborators, each a promise of its own
        self,
        store: JobStore,
        events: EventBus,
        clock: Clock,
        dispatcher: Dispatcher,
        make_engine: EngineMaker,
        surroundings: Surroundings,
    ) -> None:
        super().__init__(store, events, clock, dispatcher, make_engine)
        self._store = store
        self._surroundings = surroundings
        self._waiter: GroupWaiter | None = None
        self.late_jobs: Callable[[], frozenset[str]] = frozenset
        """Which jobs are late, as whoever watches their rhythm says; the same object while they are the same."""
        self._committing = ThreadPoolExecutor(1, "committer")

    def open(self, *, at_work: bool = True) -> None:
        """Read the store; raises StoreInUse or StoreUnreadable.

        `at_work` is for whoever carries runs out: it knows that no other worker is left.
        """
        self._ledger.open(at_work=at_work)
        if at_work:
            lost = (run for run in self._ledger.runs_at_hand() if run.state in AT_WORK)
            self._lost = {run.id: run.attempt for run in lost}

    def close(self) -> None:
        """Let go of the store."""
        self._ledger.close()
        self._committing.shutdown()

    async def later(self, command: Callable[[], T]) -> T:
        """Return what a command decides, once it is durable, without keeping a thread waiting.

        For commands that decide in memory only: `manager.later(lambda: manager.cancel(run_id))`.
        """
        while True:
            with self._ledger.unwaited() as commitments:
                value = command()
            try:
                await self._group_waiter().settled(commitments)
            except Overtaken:
                continue
            return value

    @contextmanager
    def unwaited(self) -> Iterator[list[Commitment]]:
        """Let this thread decide without waiting; what is to be waited for is handed out."""
        with self._ledger.unwaited() as commitments:
            yield commitments

    @contextmanager
    def rehearsed(self) -> Iterator[None]:
        """Let this thread decide without anything of it being kept; what is refused raises all the same."""
        with self._ledger.rehearsed():
            yield

    def _group_waiter(self) -> GroupWaiter:
        loop = asyncio.get_running_loop()
        if self._waiter is None or not self._waiter.serves(loop):
            self._waiter = GroupWaiter(self._store.commit, loop, self._committing)
        return self._waiter

    # Queries

    def job(self, job_id: str) -> JobOverview:
        """Return the job with its latest run; raises NotFound."""
        return self._ledger.overview(job_id)

    def run(self, run_id: str) -> Run:
        """Return the run; raises NotFound."""
        return self._ledger.run(run_id)

    def runs_of(self, job_id: str) -> tuple[Run, ...]:
        """Return every run of the job, the newest first; raises NotFound."""
        return self._ledger.runs_of(job_id)

    def runs_at_hand(self) -> tuple[Run, ...]:
        """Return, in no order, the runs that are not over, the latest of each job and the last day's."""
        return self._ledger.runs_at_hand()

    def at_hand_of(self, job_id: str) -> tuple[tuple[Run, ...], bool]:
        """Return the runs of a job that are at hand, the newest first, and whether it has others; none for no job."""
        return self._ledger.at_hand_of(job_id)

    def knows_run(self, run_id: str) -> bool:
        """Tell whether there is such a run."""
        return self._ledger.knows_run(run_id)

    def runs_ended_since(self, moment: datetime) -> tuple[Run, ...]:
        """Return the runs that ended at that moment, a day ago at most, or later, in no order."""
        return self._ledger.runs_ended_since(moment)

    def count_runs(self) -> tuple[int, int]:
        """Return how many runs are at hand, and how many more there are."""
        return self._ledger.count_runs()

    def jobs_with_more_runs_than(self, many: int) -> tuple[str, ...]:
        """Return the ids of the jobs that have more than so many runs."""
        return self._ledger.crowded(many)

    def list_jobs(self, query: JobQuery = JobQuery()) -> JobPage:  # noqa: B008 - a frozen value
        """Return a page of jobs; at most a second old where only progress changed."""
        self._ledger.note(self.late_jobs(), self.held_jobs())
        return self._ledger.page(query)

    def prepare_search(self) -> None:
        """Make every job ready to be searched for words, a few at a time, so that no search has to."""
        while not self._ledger.prepare_search(MADE_READY_AT_ONCE):
            pass

    def counts(self) -> Mapping[str, int]:
        """Return how many jobs show each state, and "never"."""
        return self._ledger.counts()

    def asides(self) -> Mapping[str, int]:
        """Return how many jobs are "late", how many somebody paused ("held"), and how many are "warned"."""
        self._ledger.note(self.late_jobs(), self.held_jobs())
        return self._ledger.asides()

    def facets(self) -> Mapping[str, tuple[str, ...]]:
        """Return the kinds, tags and owners that jobs have, of each those of most jobs first."""
        return self._ledger.facets()

    def warned(self) -> int:
        """Return how many jobs' latest runs ended well, with warnings."""
        return self._ledger.warned()

    def engine(self, kind: str, options: Mapping[str, Any]) -> Engine:
        """Return the engine with these options; raises NotFound or InvalidOptions."""
        return self._make_engine(kind, options)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return what could not be read when the store was opened, and the mistakes in definitions."""
        return self._ledger.problems

    @property
    def mistakes(self) -> Mapping[str, Problem]:
        """Return what is wrong with the definition that a person edited, by the id of its job."""
        return self._ledger.mistakes

    def note_mistake(self, job_id: str, problem: Problem | None) -> None:
        """Remember a mistake in a definition, or that there is none any more."""
        self._ledger.note_mistake(job_id, problem)

    def check_writable(self) -> None:
        """Raise StorageFailed if a change could not be kept now."""
        self._ledger.check_writable()

    def versions(self, job_id: str) -> tuple[Version, ...]:
        """Return the versions of a job that are known, the newest first; raises NotFound."""
        with self._ledger.lock:
            job = self._ledger.job(job_id)
            kept = self._ledger.register(versions.BEGINNING + job_id)
        return versions.versions_of(job, kept)

    # Commands of people

    def create(self, draft: JobDraft, *, asked_by: str = "", key: str = "") -> Job:
        """Keep a new job; raises InvalidOptions naming every field that is wrong.

        The same `key` again answers with the job it made.
        """
        good = checked(draft, self._make_engine, self._surroundings)
        return self._create(str(uuid.uuid4()), good, asked_by, key=key)

    @decided_again
    def _create(self, job_id: str, good: JobDraft, owner: str, *, key: str = "") -> Job:
        with self._deciding() as decision:
            if (known := self._made_by(decision, CREATED, key)) is not None:
                return decision.job(known)
            now = decision.now
            job = Job(id=job_id, owner=owner, created_at=now, updated_at=now, **_fields(good))
            self._check_after(decision, job)
            decision.keep_job(job, JobCreated(job=job))
            self._keep_key(decision, CREATED, key, job_id)
            return job

    def _check_after(self, decision: Decision, job: Job) -> None:
        """Raise InvalidOptions where a job would come after itself, after no job, or where that goes in a circle."""
        if not job.after:
            return
        after = {**self._ledger.after_ahead(), job.id: job.after}
        decision.look_at((*after, *job.after))
        if (problem := problem_with(after, job, decision.job)) is not None:
            raise InvalidOptions({"after": problem})

    @decided_again
    def edit(self, job_id: str, patch: JobPatch, *, version: int | None) -> Job:
        """Change a job; raises VersionConflict when it is not at `version` any more; None is any.

        What leaves it as it is raises no version. Raises DefinitionMistaken while a person's edit of
        its file waits to be put right.
        """
        if (mistake := self.mistakes.get(job_id)) is not None:
            raise DefinitionMistaken(mistake.path)
        self.check_stays(job_id)
        while True:
            job = self._ledger.job(job_id)
            check_version(repr(job.name), version, job.version)
            draft = draft_of(job)
            if (wanted := patched(draft, patch)) == draft:
                return job
            good = checked(wanted, self._make_engine, self._surroundings)
            edited = self._replace(job, good, job.owner)
            if edited is not None:
                return edited
            self._ledger.settle_job(job_id)

    def restore(self, job_id: str, number: int, *, version: int | None) -> Job:
        """Make the job what its version of that number was, as a new version; raises NotFound where that is not kept.

        Raises as `edit` does; nothing changes where the job is that already.
        """
        if (mistake := self.mistakes.get(job_id)) is not None:
            raise DefinitionMistaken(mistake.path)
        self.check_stays(job_id)
        wanted = next((one for one in self.versions(job_id) if one.number == number), None)
        if wanted is None:
            raise NotFound("version", str(number))
        return self._redefine(job_id, wanted.draft, version, wanted.definition.owner)

    def define(
        self, job_id: str, draft: JobDraft, *, version: int | None = None, owner: str | None = None
    ) -> Job:
        """Make the job what the draft says, all of it; one that is not there is created.

        Raises InvalidOptions, or VersionConflict when it is not at `version` any more; None is any.
        """
        try:
            return self._redefine(job_id, draft, version, owner)
        except NotFound:
            return self._create(job_id, checked(draft, self._make_engine, self._surroundings), owner or "")

    @decided_again
    def _redefine(self, job_id: str, draft: JobDraft, version: int | None, owner: str | None) -> Job:
        """Make a job that is there what the draft says; raises as `define` does, and NotFound."""
        while True:
            job = self._ledger.job(job_id)
            check_version(repr(job.name), version, job.version)
            good = checked(draft, self._make_engine, self._surroundings)
            owned_by = job.owner if owner is None else owner
            if good == draft_of(job) and owned_by == job.owner:
                return job
            defined = self._replace(job, good, owned_by)
            if defined is not None:
                return defined
            self._ledger.settle_job(job_id)

    def _replace(self, job: Job, good: JobDraft, owner: str) -> Job | None:
        """Keep the next version of a job; None when it is not what it was any more."""
        with self._deciding() as decision:
            if decision.job(job.id) is not job:
                return None
            now = decision.now
            edited = replace(job, version=job.version + 1, updated_at=now, owner=owner, **_fields(good))
            if edited.after != job.after:
                self._check_after(decision, edited)
            decision.keep_job(edited, JobEdited(job=edited))
            versions.note(decision, job, edited)
            self._look_again(decision, edited)
            return edited

    @decided_again
    def forget_runs(self, run_ids: Collection[str]) -> None:
        """Forget runs that are over; those that are not, and the latest of a job, stay."""
        with self._deciding() as decision:
            gone = tuple(run_id for run_id in run_ids if self._ledger.is_history(run_id))
            for run_id in gone:
                letters.take_away(decision, run_id)
            if gone:
                decision.forget(gone)

    @decided_again
    def pause(self, run_id: str, *, version: int | None = None) -> Run:
        """Ask a run to stop half-way; raises WrongState where its kind cannot."""
        with self._about(run_id, version) as (decision, run):
            if run.state in {RunState.PAUSING, RunState.PAUSED}:
                return run
            check_move(run.state, RunState.PAUSING)
            if not self._make_engine(run.kind, run.options).can_pause:
                message = f"Jobs of kind {run.kind!r} cannot be paused."
                raise WrongState(message, hint="Cancel the run instead.")
            return decision.move(run, RunState.PAUSING)

    @decided_again
    def resume(self, run_id: str, *, version: int | None = None) -> Run:
        """Let a paused run go on from where it was."""
        with self._about(run_id, version) as (decision, run):
            if run.state != RunState.PAUSED:
                message = f"A run that is {run.state} cannot be resumed; only one that is paused."
                raise WrongState(message)
            return decision.move(run, RunState.QUEUED, reason="")

    @decided_again
    def answer(self, run_id: str, question: str, answer: str, *, typed: str = "", asked_by: str = "") -> Run:
        """Answer what a paused run asks, and let it go on; `question` is the id of exactly what was read.

        Raises WrongState where it asks something else by now, or nothing; InvalidOptions; Refused.
        """
        with self._about(run_id, None, why=f"answered {answer}") as (decision, run):
            given = Answer(question=question, answer=answer, by=asked_by, at=decision.now)
            questions.settle(decision, run, given, typed)
            return decision.move(run, RunState.QUEUED, reason="")

    def question(self, run_id: str) -> Question | None:
        """Return what a run asks a person; None where it asks nothing."""
        return questions.question_in(self._ledger.register(QUESTION + run_id))

    def answered(self, run_id: str) -> Answer | None:
        """Return what a person answered last to what a run asked, while it is not over."""
        return questions.answer_in(self._ledger.register(ANSWER + run_id))

    def memory(self, job_id: str) -> Mapping[str, Any]:
        """Return what the runs of a job noted for later ones, by name."""
        return self._ledger.register(MEMORY + job_id) or NOTHING

    @decided_again
    def remember(self, job_id: str, name: str, note: Mapping[str, Any]) -> None:
        """Keep what a run notes for later ones of its job; nothing where the job is gone."""
        with self._deciding() as decision:
            decision.job(job_id)
            before = decision.register(MEMORY + job_id) or NOTHING
            decision.set(MEMORY + job_id, {**before, name: note})

    @contextmanager
    def present_run(self, job_id: str, verb: str) -> Iterator[Run]:
        """Hold the run that the job has at present, the one at work before one that waits.

        Raises NothingToAct, saying what could not be done.
        """
        with self._ledger.deciding():
            job = self._ledger.job_ahead(job_id)
            unfinished = self._ledger.unfinished_ahead(job_id)
            if not unfinished:
                raise NothingToAct(job.name, verb)
            yield unfinished[0]


def _fields(draft: JobDraft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in JobDraft.__struct_fields__}
