"""What is kept of how jobs stand is what a look at everything would find, whatever happened before."""

import contextlib
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.dispatch.local import LocalDispatcher
from core.drafts import JobDraft, JobPatch
from core.engines import engine_for
from core.errors import HoldfastError
from core.events import Event, EventsMissed, JobCreated, JobDeleted, JobEdited, PromptBus, RunMoved
from core.facts import Picture, copy_by
from core.listing import JobQuery
from core.manager import JobManager
from core.models import Expectation, Failure, Job, Retry, Schedule
from core.notifications.rhythm import Rhythm
from core.standing import Standing
from core.states import RunState
from core.storage.memory import MemoryStore
from core.work import Outcome, Question, Surroundings
from tests.doubles import SettableClock

FULL = Failure(code="engine-failed", message="The disk is full.")
QUESTION = Question(id="q1", about="guard", sentence="The source shrank.", answers={"stop": "End."})
CHOICES = st.integers(0, 1_000)


class Life(RuleBasedStateMachine):
    """Jobs and runs with a standing that listens, and one that looks at everything each time."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.root = Path(self.folder.name)
        (self.root / "source").mkdir()
        self.clock = SettableClock()
        self.store = MemoryStore()
        self.made = 0
        self.open()

    def open(self) -> None:
        self.events = PromptBus()
        own = Surroundings(own_data=self.root / "data")
        self.manager = JobManager(self.store, self.events, self.clock, LocalDispatcher(1), engine_for, own)
        self.manager.open()
        self.rhythm = Rhythm(self.manager, self.manager, self.clock)
        for job in self.jobs():
            self.rhythm.know(job)
        self.told: list[Event] = []
        self.events.listen(self.told.append)
        self.standing = Standing(self.manager, self.rhythm, self.events, self.clock)
        self.events.listen(self.standing.heard)
        self.rhythm.on_change = self.standing.note

    def bring_word_around(self) -> None:
        """Let what is expected be told of what happened, as its own thread does."""
        told = self.told[:]
        self.told.clear()
        for event in told:
            self.keep_rhythm(event)

    def keep_rhythm(self, event: Event) -> None:
        match event:
            case JobCreated(job=job):
                self.rhythm.know(job)
            case JobEdited(job=job):
                self.rhythm.know(job, edited=True)
            case JobDeleted(job_id=job_id):
                self.rhythm.forget(job_id)
            case RunMoved(run=run) if run.state == RunState.COMPLETED:
                self.rhythm.succeeded(run)
            case _:
                pass

    def teardown(self) -> None:
        self.manager.close()
        self.folder.cleanup()

    def jobs(self) -> list[Job]:
        return [one.job for one in self.manager.list_jobs(JobQuery(limit=None, sort="created")).items]

    def one(self, number: int) -> Job:
        jobs = self.jobs()
        return jobs[number % len(jobs)]

    def tell_run(self, number: int, how: str) -> None:
        run = self.manager.job(self.one(number).id).latest_run
        try:
            if run is None or run.over:
                run = self.manager.start(self.one(number).id)
            if run.state in {RunState.QUEUED, RunState.SCHEDULED}:
                run = self.manager.claim(run.id, "test-worker") or run
            self.end(run.id, run.attempt, how)
        except HoldfastError:
            pass  # what cannot be done changes nothing

    def end(self, run_id: str, attempt: int, how: str) -> None:
        result: dict[str, Any] = {"verified": how == "proved", "files": 3, "bytes": 9}
        match how:
            case "proved" | "unproved":
                self.manager.complete(run_id, attempt, Outcome(result=result))
            case "failed":
                self.manager.fail(run_id, attempt, FULL)
            case "asks":
                self.manager.hold(run_id, attempt, QUESTION)
            case "paused":
                self.manager.pause(run_id)
                self.manager.stopped(run_id, attempt)
            case "cancelled":
                self.manager.cancel(run_id)
                self.manager.stopped(run_id, attempt)
            case _:
                pass

    @rule(
        expect=st.none()
        | st.builds(Expectation, every=st.sampled_from([3_600.0, 86_400.0]), grace=st.just(0.0)),
        daily=st.booleans(),
        retries=st.booleans(),
    )
    def make(self, *, expect: Expectation | None, daily: bool, retries: bool) -> None:
        self.made += 1
        fields: dict[str, Any] = {"retry": Retry(max_attempts=2, wait=60)} if retries else {}
        options = {"source": str(self.root / "source"), "destination": str(self.root / f"copy {self.made}")}
        schedule = Schedule(cron="0 3 * * *") if daily else None
        self.manager.create(
            JobDraft(
                name=f"job {self.made}",
                kind="copy",
                options=options,
                expect=expect,
                schedule=schedule,
                **fields,
            )
        )

    @precondition(lambda self: self.jobs())
    @rule(
        number=CHOICES,
        how=st.sampled_from(["proved", "proved", "unproved", "failed", "asks", "paused", "cancelled", ""]),
    )
    def run(self, number: int, how: str) -> None:
        self.tell_run(number, how)

    @precondition(lambda self: self.jobs())
    @rule(number=CHOICES, what=st.sampled_from(["place", "back", "off", "on", "expect", "name"]))
    def edit(self, number: int, what: str) -> None:
        job = self.one(number)
        match what:
            case "place" | "back":
                name = "elsewhere" if what == "place" else f"copy {job.name[4:]}"
                patch = JobPatch(options={**job.options, "destination": str(self.root / name)})
            case "off" | "on":
                patch = JobPatch(enabled=what == "on")
            case "expect":
                patch = JobPatch(expect=Expectation(every=600.0, grace=60.0))
            case _:
                patch = JobPatch(name=f"{job.name}.")
        with contextlib.suppress(HoldfastError):  # another job writes there
            self.manager.edit(job.id, patch, version=None)

    @precondition(lambda self: self.jobs())
    @rule(number=CHOICES, how=st.sampled_from(["go", "stay", "now"]))
    def delete(self, number: int, how: str) -> None:
        job = self.one(number)
        try:
            match how:
                case "go":
                    self.manager.let_go(job.id, "ana")
                case "stay":
                    self.manager.keep_after_all(job.id)
                case _:
                    self.manager.delete(job.id)
        except HoldfastError:
            pass  # it is at work, or nobody deleted it

    @rule(hours=st.sampled_from([-72, -1, 1, 24, 72]))
    def let_time_pass(self, hours: int) -> None:
        self.clock.pass_by(timedelta(hours=hours, seconds=1))

    @rule()
    def look(self) -> None:
        self.standing.picture()

    @rule()
    def miss(self) -> None:
        self.standing.heard(EventsMissed(count=1))

    @rule()
    def restart(self) -> None:
        self.manager.close()
        self.open()

    @invariant()
    def stands_as_everything_looked_at_anew(self) -> None:
        self.bring_word_around()
        kept, anew = self.standing, Standing(self.manager, self.rhythm, PromptBus(), self.clock)
        assert shown(kept.picture()) == shown(anew.picture())
        for job in self.jobs():
            assert kept.fact(job.id) == anew.fact(job.id)

    @invariant()
    def nothing_is_good_without_proof_and_nothing_late_or_failed_is_missing(self) -> None:
        self.bring_word_around()
        picture, now = self.standing.picture(), self.clock.now()
        stay = [one for one in self.manager.list_jobs(JobQuery(limit=None)).items if one.going is None]
        needing = 0
        for overview in stay:
            fact, run, expected = (
                self.standing.fact(overview.job.id),
                overview.latest_run,
                self.rhythm.of(overview.job.id),
            )
            assert fact is not None
            proofs = [copy_by(run, overview.job) for run in self.manager.runs_of(overview.job.id)]
            assert fact.copy == next((copy for copy in proofs if copy), None)
            failed = run is not None and run.state == RunState.FAILED
            asking = run is not None and run.state == RunState.PAUSED and bool(run.reason)
            needing += failed or asking or (expected is not None and expected.deadline <= now)
        assert (picture.count("jobs"), picture.count("needs")) == (len(stay), needing)


def shown(picture: Picture) -> dict[str, Any]:
    """Return a picture without what tells the order of runs that ended at the same instant."""
    return {
        "counts": dict(picture.counts),
        "needs": [(fact.job.id, fact.since) for fact in picture.needs],
        "at work": picture.at_work,
        "copies": [fact.job.id for fact in picture.copies],
        "oldest": picture.oldest and picture.oldest.copy and picture.oldest.copy.at,
        "newest": picture.newest and picture.newest.copy and picture.newest.copy.at,
        "recent": sorted(str(run.ended_at) for run in picture.recent),
    }


Life.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestLife = Life.TestCase
