"""Dead letters: found, grouped, requeued and discarded, many at once."""

from datetime import timedelta

import pytest

from core.dead_letters import NOTE, DeadLetters, LetterQuery
from core.errors import InvalidOptions
from core.keeping import Keeper
from core.logs import RunLogs
from core.models import AfterFailed, Failure
from core.retention import Keeping
from core.work import Outcome
from tests.builders import a_job


@pytest.fixture
def desk(manager, clock):
    return DeadLetters(manager, clock)


def a_failure(message="Permission denied: '/srv/a.jpg'", **fields):
    return Failure(**{"code": "engine-failed", "message": message} | fields)


def a_failed_run(manager, job, failure=None):
    """Let a run of the job fail for good."""
    run = manager.claim(manager.start(job.id, asked_by="ana").id, "test-worker")
    return manager.fail(run.id, run.attempt, failure or a_failure())


def a_good_run(manager, job):
    run = manager.claim(manager.start(job.id, asked_by="ana").id, "test-worker")
    return manager.complete(run.id, run.attempt, Outcome())


def numbers(found):
    return [one.letter.number for one in found]


def test_failed_runs_wait_for_somebody_the_newest_first(manager, clock, desk):
    job = a_job(manager)
    for _ in range(3):
        clock.pass_by(timedelta(hours=1))
        a_failed_run(manager, job)

    assert numbers(desk.find()) == [3, 2, 1]
    assert not desk.find()[0].succeeded


def test_letters_are_found_by_words_job_kind_tag_and_error(manager, desk):
    photos = a_job(manager, name="photos", tags=("home",))
    music = a_job(manager, name="music", kind="once")
    a_failed_run(manager, photos, a_failure("The disk is full"))
    a_failed_run(manager, music, a_failure("Permission denied"))
    group = desk.find(LetterQuery(job_id=music.id))[0].letter.fingerprint

    def found(**wanted):
        return [one.job.name for one in desk.find(LetterQuery(**wanted))]

    assert found(text="DISK full") == found(text="phot disk") == found(tag="home") == ["photos"]
    assert found(kind="once") == found(job_id=music.id) == found(group=group) == ["music"]
    assert found(text="disk denied") == found(tag="work") == found(kind="copy") == []


def test_it_is_known_whether_the_job_has_succeeded_since(manager, desk):
    mended, broken = a_job(manager), a_job(manager)
    a_failed_run(manager, mended)
    a_failed_run(manager, broken)
    a_good_run(manager, mended)
    a_failed_run(manager, mended)

    succeeded = desk.find(LetterQuery(succeeded=True))
    still = desk.find(LetterQuery(succeeded=False))

    assert [(one.job.id, one.letter.number) for one in succeeded] == [(mended.id, 1)]
    assert {(one.job.id, one.letter.number) for one in still} == {(mended.id, 3), (broken.id, 1)}


def test_the_same_error_of_several_jobs_is_one_group(manager, clock, desk):
    jobs = [a_job(manager) for _ in range(3)]
    since = clock.now()
    for number in range(14):
        a_failed_run(manager, jobs[number % 3], a_failure(f"Permission denied: '/srv/{number}.jpg'"))
    a_failed_run(manager, jobs[0], a_failure("The disk is full"))

    first, second = desk.groups(desk.find())

    assert (len(first.letters), first.jobs, first.since) == (14, 3, since)
    assert second.newest.message == "The disk is full"


def test_many_are_requeued_as_one_run_of_each_job(manager, desk):
    first, second = a_job(manager), a_job(manager)
    for _ in range(3):
        a_failed_run(manager, first)
    a_failed_run(manager, second)
    wanted = [one.letter.run_id for one in desk.find()]

    requeued = desk.requeue(wanted, asked_by="ana")

    assert {run.job_id for run in requeued.made} == {first.id, second.id}
    assert len(requeued.made) == 2
    assert len(requeued.covered) == 2
    assert requeued.kept == ()
    assert desk.find() == ()
    newest = next(run for run in requeued.made if run.job_id == first.id)
    assert manager.run(newest.of).number == 3


def test_what_follows_from_what_is_requeued_waits_for_it(manager, desk):
    first = a_job(manager, name="first")
    middle = a_job(manager, name="middle", after=(first.id,))
    last = a_job(manager, name="last", after=(middle.id,), after_failed=AfterFailed.FAIL)
    other = a_job(manager, name="other", after=(first.id,), after_failed=AfterFailed.FAIL)
    a_failed_run(manager, first)
    letters = [one.letter.run_id for one in desk.find()]

    done = desk.requeue(letters)

    states = [manager.job(job.id).latest_run.state for job in (first, middle, last, other)]
    assert len(letters) == 3
    assert states == ["queued", "blocked", "blocked", "blocked"]
    assert [run.job_id for run in done.made] == [first.id]
    assert len(done.covered) == 2
    assert desk.find() == ()


def test_what_cannot_be_requeued_stays_and_is_named(manager, desk):
    busy, free = a_job(manager), a_job(manager)
    a_failed_run(manager, busy)
    a_failed_run(manager, free)
    manager.start(busy.id)

    requeued = desk.requeue([one.letter.run_id for one in desk.find()])

    assert [run.job_id for run in requeued.made] == [free.id]
    assert [(kept.job_id, "has a run that is queued" in kept.message) for kept in requeued.kept] == [
        (busy.id, True)
    ]
    assert [one.job.id for one in desk.find()] == [busy.id]


def test_requeueing_what_is_no_dead_letter_makes_nothing(manager, desk):
    run = a_good_run(manager, a_job(manager))

    assert desk.requeue([run.id, "nobody"]).made == ()


def test_discarded_letters_are_gone_with_a_reason(manager, desk, heard, events):
    job = a_job(manager)
    for _ in range(3):
        a_failed_run(manager, job)
    wanted = [one.letter.run_id for one in desk.find()][:2]

    gone = desk.discard([*wanted, "nobody"], by="ana", reason="The disk was swapped.")

    events.close()
    assert set(gone) == set(wanted)
    assert numbers(desk.find()) == [1]
    assert [event.why for event in heard if event.why.startswith("discarded")] == [
        "discarded by ana: The disk was swapped."
    ] * 2


def test_a_note_about_a_failure_stays_when_its_letters_are_gone(manager, clock, desk):
    job = a_job(manager)
    a_failed_run(manager, job)
    group = desk.find()[0].letter.fingerprint

    desk.keep_note(group, "  The key expired; renew it.  ", by="ana")
    desk.discard([one.letter.run_id for one in desk.find()])
    a_failed_run(manager, job)

    [again] = desk.groups(desk.find())
    assert (again.note.text, again.note.by, again.note.at) == (
        "The key expired; renew it.",
        "ana",
        clock.now(),
    )
    assert desk.keep_note(group, " ") is None
    assert manager.register(NOTE + group) is None


def test_a_note_is_not_a_book(desk):
    with pytest.raises(InvalidOptions):
        desk.keep_note("0123456789abcdef", "x" * 2_001)


def test_the_letters_of_a_deleted_job_are_gone(manager, desk):
    job = a_job(manager)
    a_failed_run(manager, job)

    manager.delete(job.id)

    assert desk.find() == ()


def test_a_dead_letter_is_never_forgotten_by_housekeeping(manager, clock, desk, events, tmp_path):
    job = a_job(manager)
    failed = a_failed_run(manager, job)
    good = a_good_run(manager, job)
    a_good_run(manager, job)
    clock.pass_by(timedelta(days=1_000))
    keeper = Keeper(manager, RunLogs(tmp_path / "logs", events, clock), tmp_path, clock, Keeping(runs=1))

    keeper.tidy_runs()

    assert manager.knows_run(failed.id)
    assert not manager.knows_run(good.id)
    assert numbers(desk.find()) == [1]
