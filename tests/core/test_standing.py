"""How all jobs stand, kept up to date as things happen."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from core.drafts import JobPatch
from core.engines import engine_for
from core.errors import StorageFailed
from core.events import EventBus, EventsMissed, JobEdited
from core.facts import copy_by
from core.listing import JobPage
from core.manager import JobManager
from core.models import Expectation, Failure, JobOverview
from core.notifications.rhythm import Rhythm
from core.standing import MOST_COPIES, MOST_NEEDS, MOST_RECENT, Standing
from core.states import RunState
from core.work import Outcome
from tests.builders import WHEN, a_job, a_kept_job, a_kept_run

VERIFIED = {"verified": True, "files": 60, "bytes": 1_200_000, "verification": {"mode": "full"}}
PLACES = {"source": "/srv/photos", "destination": "/mnt/photos"}
FULL = Failure(code="engine-failed", message="The disk is full.")
DAILY = Expectation(every=86_400, grace=0)


@pytest.fixture
def places(tmp_path):
    """Where a copy comes from and goes to."""
    (tmp_path / "photos").mkdir()
    return {"source": str(tmp_path / "photos"), "destination": str(tmp_path / "copy")}


@pytest.fixture
def manager(store, events, clock, dispatcher, surroundings):
    """A manager that knows every kind there is."""
    manager = JobManager(store, events, clock, dispatcher, engine_for, surroundings)
    manager.open()
    yield manager
    manager.close()


@pytest.fixture
def rhythm(manager, clock):
    return Rhythm(manager, manager, clock)


@pytest.fixture
def standing(manager, rhythm, events, clock):
    standing = Standing(manager, rhythm, events, clock)
    standing.start()
    yield standing
    standing.stop()


@pytest.fixture
def copying(manager, rhythm, places):
    """Return a job that makes copies; what is expected of it is known."""

    def make(**fields):
        job = a_job(manager, **{"kind": "copy", "options": places} | fields)
        rhythm.know(job)
        return job

    return make


@pytest.fixture
def end(manager, clock):
    """Let a run of the job end: proved, or failed."""

    def end(job, *, failed=False, **result):
        run = manager.claim(manager.start(job.id).id, "test-worker")
        clock.pass_by(timedelta(minutes=1))
        if failed:
            return manager.fail(run.id, run.attempt, FULL)
        return manager.complete(run.id, run.attempt, Outcome(result=VERIFIED | result))

    return end


def names(facts):
    return [fact.job.name for fact in facts]


def test_a_run_that_ended_is_on_the_dashboard_at_once(standing, copying, end):
    photos = copying(name="photos")
    before = standing.picture()

    run = end(photos)

    assert (before.count("good"), before.newest) == (0, None)
    after = standing.picture()
    assert (after.count("good"), after.newest.copy.run) == (1, run.id)
    assert [one.id for one in after.recent] == [run.id]


def test_at_most_five_jobs_stand_in_what_needs_you_the_oldest_first(standing, copying, end):
    for number in range(7):
        end(copying(name=f"job {number}"), failed=True)

    picture = standing.picture()

    assert names(picture.needs) == [f"job {number}" for number in range(MOST_NEEDS)]
    assert picture.count("needs") == 7


def test_a_copy_that_becomes_too_old_is_told_without_anything_happening(standing, copying, end, clock):
    photos = copying(name="photos", expect=DAILY)
    end(photos)
    standing.picture()

    clock.pass_by(timedelta(days=1))

    picture = standing.picture()
    assert (picture.count("behind"), picture.count("good")) == (1, 0)
    assert picture.needs[0].target == timedelta(days=1)
    assert picture.needs[0].is_old


def test_a_success_takes_a_late_job_off_the_list_before_word_gets_around(standing, copying, end, clock):
    photos = copying(name="photos", expect=DAILY)
    clock.pass_by(timedelta(days=2))
    late = standing.picture()

    end(photos)

    assert names(late.needs) == ["photos"]
    assert standing.picture().needs == ()


def test_a_job_that_is_deleted_is_on_the_dashboard_no_more(standing, copying, end, manager):
    photos = copying(name="photos")
    end(photos, failed=True)
    standing.picture()

    manager.delete(photos.id)

    picture = standing.picture()
    assert (picture.needs, picture.recent, picture.count("jobs"), picture.count("needs")) == ((), (), 0, 0)


def test_runs_of_other_jobs_take_the_place_of_those_that_went_with_a_job(standing, copying, end, manager):
    kept = end(copying(name="kept"))
    gone = copying(name="gone")
    for _ in range(3 * MOST_RECENT):
        end(gone)
    before = standing.picture()

    manager.delete(gone.id)

    assert {run.job_id for run in before.recent} == {gone.id}
    assert [run.id for run in standing.picture().recent] == [kept.id]


def test_a_copy_is_remembered_while_later_runs_fail(standing, copying, end):
    photos = copying(name="photos")
    good = end(photos)
    standing.picture()

    end(photos, failed=True)

    assert standing.picture().copies[0].copy.run == good.id


def test_a_copy_of_other_places_is_none_of_this_job(standing, copying, end, manager, places):
    photos = copying(name="photos")
    end(photos)
    standing.picture()

    manager.edit(
        photos.id,
        JobPatch(options=places | {"destination": f"{places['source']} of yesterday"}),
        version=None,
    )

    picture = standing.picture()
    assert (picture.count("copies"), picture.count("unproved")) == (0, 1)


def test_a_first_copy_that_has_only_begun_is_not_called_missing(standing, copying, manager):
    photos = copying(name="photos")

    manager.claim(manager.start(photos.id).id, "test-worker")

    picture = standing.picture()
    assert (picture.copies, picture.at_work, picture.count("pending")) == ((), (photos.id,), 1)


def test_copies_that_will_be_too_old_first_stand_in_front(standing, copying, end, clock):
    end(copying(name="no target"))
    end(copying(name="weekly", expect=Expectation(every=7 * 86_400, grace=0)))
    end(copying(name="daily", expect=DAILY))
    end(copying(name="never worked"), failed=True)

    picture = standing.picture()

    assert names(picture.copies) == ["never worked", "daily", "weekly", "no target"]
    assert names((picture.oldest, picture.newest)) == ["no target", "daily"]


def test_jobs_without_a_copy_leave_room_for_copies_that_are_old(standing, copying, end):
    for number in range(MOST_COPIES + 2):
        end(copying(name=f"bare {number}"), failed=True)
    for number in range(MOST_COPIES):
        end(copying(name=f"kept {number}"))

    shown = names(standing.picture().copies)

    assert [name.split()[0] for name in shown] == ["bare"] * 3 + ["kept"] * 3


def test_what_was_missed_is_found_by_looking_at_everything(standing, copying, end, events):
    photos = copying(name="photos")
    standing.picture()
    events.tell_no_more(standing.heard)
    end(photos)

    standing.heard(EventsMissed(count=3))

    assert standing.picture().count("good") == 1


def test_failures_since_a_moment_are_counted_with_what_still_fails(standing, copying, end, clock):
    photos, music = copying(name="photos"), copying(name="music")
    end(photos, failed=True)
    clock.pass_by(timedelta(hours=1))
    moment = clock.now()

    end(photos, failed=True)
    end(music, failed=True)
    end(music)

    assert standing.failed_since(moment) == (2, 1)


def test_a_proof_of_other_copies_or_another_place_is_none_of_this_job():
    for kind, name in (("several", "copies"), ("watch", "place"), ("watch", "pattern")):
        run = a_kept_run(
            "run-1",
            "job-1",
            kind=kind,
            state=RunState.COMPLETED,
            ended_at=WHEN,
            result=VERIFIED,
            options={name: "a"},
        )

        assert copy_by(run, a_kept_job("job-1", kind=kind, options={name: "a"})) is not None
        assert copy_by(run, a_kept_job("job-1", kind=kind, options={name: "b"})) is None


def test_a_job_that_is_let_go_is_neither_counted_nor_listed_until_it_is_brought_back(
    standing, copying, end, manager
):
    photos = copying(name="photos")
    end(photos, failed=True)
    before = standing.picture()

    manager.let_go(photos.id, "ana")
    gone = standing.picture()
    manager.keep_after_all(photos.id)

    assert (gone.count("jobs"), gone.count("copying"), gone.needs, gone.copies) == (0, 0, (), ())
    assert dict(standing.picture().counts) == dict(before.counts)


def test_a_job_is_late_no_more_when_the_clock_is_set_back(standing, copying, end, clock):
    end(copying(name="photos", expect=DAILY))
    clock.pass_by(timedelta(days=3))
    late = standing.picture()

    clock.pass_by(timedelta(days=-3))

    assert names(late.needs) == ["photos"]
    assert (standing.picture().needs, standing.picture().count("good")) == ((), 1)


class Archive:
    """A manager whose older runs lie on a disk; it counts what is asked of it."""

    def __init__(self, overviews, older=()):
        self.overviews = {one.job.id: one for one in overviews}
        self.older = older
        self.asked = 0
        self.looking: Callable[[str], object] = lambda _job_id: None
        """What happens while older runs are looked through."""

    def job(self, job_id):
        self.asked += 1
        return self.overviews[job_id]

    def list_jobs(self, query=None):
        return JobPage(items=tuple(self.overviews.values()), next=None, total=len(self.overviews), counts={})

    def runs_of(self, job_id):
        self.looking(job_id)
        return (*self.at_hand_of(job_id)[0], *self.older)

    def runs_at_hand(self):
        return tuple(one.latest_run for one in self.overviews.values() if one.latest_run)

    def at_hand_of(self, job_id):
        run = self.overviews[job_id].latest_run
        return ((run,) if run else ()), bool(self.older)

    def knows_run(self, run_id):
        return any(run.id == run_id for run in (*self.older, *self.runs_at_hand()))


@pytest.fixture
def archived(manager, rhythm, clock):
    """Return how jobs stand of which this manager knows."""

    def make(archive):
        return Standing(archive, rhythm, EventBus(), clock)

    return make


def a_failing_job(number=0):
    job_id = f"job-{number}"
    run = a_kept_run(f"run-{number}", job_id, number=9, state=RunState.FAILED, ended_at=WHEN)
    return JobOverview(job=a_kept_job(job_id, options=PLACES), latest_run=run)


def test_a_copy_that_only_the_disk_knows_of_is_found_and_until_then_not_denied(archived):
    proved = a_kept_run(
        "old",
        "job-0",
        state=RunState.COMPLETED,
        options=PLACES,
        result=VERIFIED,
        ended_at=WHEN - timedelta(days=40),
    )
    standing = archived(Archive([a_failing_job()], older=(proved,)))
    before = standing.picture()

    while standing.seek():
        pass

    assert (before.copies, before.count("seeking")) == ((), 1)
    after = standing.picture()
    assert (after.copies[0].copy.run, after.count("seeking")) == ("old", 0)


def test_one_change_among_many_jobs_costs_one_look(archived):
    archive = Archive([a_failing_job(number) for number in range(500)])
    standing = archived(archive)
    standing.picture()

    standing.heard(JobEdited(job=archive.overviews["job-7"].job))
    standing.picture()
    standing.picture()

    assert archive.asked == 1


def test_a_proof_that_is_found_late_is_not_taken_for_one_of_other_places(archived):
    proved = a_kept_run(
        "old", "job-0", state=RunState.COMPLETED, options=PLACES, result=VERIFIED, ended_at=WHEN
    )
    archive = Archive([a_failing_job()], older=(proved,))
    standing = archived(archive)
    moved = a_kept_job("job-0", options=PLACES | {"destination": "/mnt/other"})

    def meanwhile(job_id):
        overview = archive.overviews[job_id]
        archive.overviews[job_id] = JobOverview(job=moved, latest_run=overview.latest_run)
        standing.heard(JobEdited(job=moved))
        standing.picture()

    archive.looking = meanwhile
    standing.seek()
    archive.looking = lambda _job_id: None
    while standing.seek():
        pass

    assert standing.picture().count("copies") == 0


def test_a_copy_is_not_denied_while_the_disk_cannot_be_read(archived):
    proved = a_kept_run(
        "old", "job-0", state=RunState.COMPLETED, options=PLACES, result=VERIFIED, ended_at=WHEN
    )
    archive = Archive([a_failing_job(), a_failing_job(1)], older=(proved,))
    standing = archived(archive)

    def unreadable(job_id):
        raise StorageFailed("the disk does not answer")

    archive.looking = unreadable
    while standing.seek():
        pass
    meanwhile = standing.picture()
    archive.looking = lambda _job_id: None
    while standing.seek():
        pass

    assert (meanwhile.count("seeking"), meanwhile.copies) == (2, ())
    assert standing.picture().count("copies") == 2
