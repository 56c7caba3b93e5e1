"""Alarms for what did not happen, and pings to those who watch from outside."""

from datetime import timedelta

import pytest

from core.drafts import JobPatch
from core.models import Expectation, Schedule
from core.notifications.values import Occasion
from core.work import Outcome
from tests.builders import WHEN, a_job
from tests.core.notifications.conftest import a_failure, a_success, answering, receiving

HOUR = timedelta(hours=1)
DAILY = Expectation(every=86_400, grace=3_600)


def late_notices(office):
    return [notice for _, notice in office.book.notices() if notice.occasion == Occasion.LATE]


def test_a_job_without_a_success_within_its_rhythm_is_late_once(office, manager, clock):
    job = a_job(manager, name="photos", expect=DAILY)
    a_success(manager, job)
    office.hear()

    clock.pass_by(25 * HOUR - timedelta(seconds=1))
    office.tick()
    before = late_notices(office)
    clock.pass_by(timedelta(seconds=1))
    for _ in range(3):
        office.tick()
        clock.pass_by(24 * HOUR)

    (notice,) = late_notices(office)
    assert before == []
    assert notice.subject == "photos is late: no success since 21 Nov 2026 07:42 UTC"
    assert "Expected: a success at least every 1 d, and 1 h of grace." in notice.text
    assert [late.job_id for late in office.rhythm.late()] == [job.id]


def test_a_job_that_never_succeeded_is_late_too(office, manager, clock):
    job = a_job(manager, name="photos", expect=DAILY)
    office.hear()
    a_failure(manager, job)

    clock.pass_by(25 * HOUR)
    office.hear()

    (notice,) = late_notices(office)
    assert "it never had one" in notice.text


def test_a_late_job_that_succeeds_has_recovered(office, manager, clock):
    job = a_job(manager, name="photos", expect=DAILY)
    a_success(manager, job)
    office.hear()
    clock.pass_by(26 * HOUR)
    office.tick()

    a_success(manager, job)
    office.hear()

    assert office.subjects[0] == "photos works again"
    assert office.rhythm.late() == []
    clock.pass_by(26 * HOUR)
    office.tick()
    assert len(late_notices(office)) == 2


def test_a_job_that_is_switched_off_is_never_late(office, manager, clock):
    job = a_job(manager, name="photos", expect=DAILY)
    office.hear()
    manager.edit(job.id, JobPatch(enabled=False), version=None)
    office.hear()

    clock.pass_by(100 * HOUR)
    office.tick()
    switched_off = (office.rhythm.of(job.id), late_notices(office))
    manager.edit(job.id, JobPatch(enabled=True), version=None)
    office.hear()
    at_once = late_notices(office)
    clock.pass_by(26 * HOUR)
    office.tick()

    assert switched_off == (None, [])
    assert at_once == []
    assert len(late_notices(office)) == 1


def test_a_rhythm_that_is_changed_counts_anew(office, make_office, manager, clock):
    job = a_job(manager, name="photos")
    a_success(manager, job)
    clock.pass_by(100 * HOUR)
    manager.edit(job.id, JobPatch(expect=DAILY), version=None)
    office.hear()
    changed = clock.now()

    again = make_office()

    assert late_notices(again) == []
    assert office.rhythm.of(job.id).deadline == changed + 25 * HOUR
    assert again.rhythm.of(job.id).deadline == changed + 25 * HOUR


def test_another_change_of_a_job_does_not_make_it_less_late(office, manager, clock):
    job = a_job(manager, name="photos", expect=DAILY)
    office.hear()

    for number in range(30):
        clock.pass_by(HOUR)
        manager.edit(job.id, JobPatch(tags=(f"tag {number}",)), version=None)
        office.hear()

    assert len(late_notices(office)) == 1


@pytest.mark.parametrize(
    ("schedule", "deadline"),
    [
        (Schedule(cron="0 2 * * *", timezone="UTC"), WHEN.replace(day=23, hour=3, minute=0)),
        (Schedule(every=600), WHEN + timedelta(minutes=20) + HOUR),
        (Schedule(at=WHEN + 5 * HOUR), WHEN + 6 * HOUR),
    ],
)
def test_two_due_times_without_a_success_make_a_scheduled_job_late(
    office, manager, clock, schedule, deadline
):
    job = a_job(manager, name="photos", schedule=schedule)
    office.hear()

    clock.set(deadline - timedelta(seconds=1))
    office.tick()
    before = late_notices(office)
    clock.set(deadline)
    office.tick()

    assert before == []
    assert [notice.job_id for notice in late_notices(office)] == [job.id]


def test_a_run_that_usually_takes_long_is_given_as_long_again(office, manager, clock):
    job = a_job(manager, schedule=Schedule(every=3_600))
    run = manager.claim(manager.start(job.id).id, "test-worker")
    clock.pass_by(10 * HOUR)
    manager.complete(run.id, run.attempt, Outcome())

    office.hear()

    assert office.rhythm.of(job.id).deadline == WHEN + 12 * HOUR + 30 * HOUR


def test_a_job_that_is_late_is_told_once_across_a_restart(office, make_office, manager, clock):
    a_job(manager, name="photos", expect=DAILY)
    office.hear()
    clock.pass_by(26 * HOUR)
    office.tick()

    again = make_office()

    assert len(late_notices(again)) == 1
    assert len(again.rhythm.late()) == 1


def test_a_job_that_became_late_while_holdfast_was_off_is_told_at_the_start(
    office, make_office, manager, clock
):
    a_job(manager, name="photos", expect=DAILY)
    office.hear()
    clock.pass_by(timedelta(days=30))

    again = make_office()

    assert len(late_notices(again)) == 1


def test_a_job_that_is_gone_is_not_late(office, manager, clock):
    job = a_job(manager, expect=DAILY)
    office.hear()
    manager.delete(job.id)
    office.hear()

    clock.pass_by(26 * HOUR)
    office.tick()

    assert late_notices(office) == []
    assert office.rhythm.late() == []


def test_a_clock_that_jumps_makes_no_job_late_twice(office, manager, clock):
    job = a_job(manager, expect=DAILY)
    a_success(manager, job)
    office.hear()

    for jump in (timedelta(days=400), -timedelta(days=430), timedelta(days=30), timedelta(hours=1)):
        clock.set(clock.now() + jump)
        office.tick()

    assert len(late_notices(office)) == 1


def test_every_success_of_a_job_is_told_to_its_watcher(office, manager, receiver):
    job = a_job(manager, expect=Expectation(every=60, ping=receiver.url))

    a_failure(manager, job)
    a_success(manager, job)
    office.hear()

    (request,) = receiver.wait_for(1)
    assert (request.method, request.path, request.body) == ("GET", "/hook/sesame", b"")


def test_a_ping_that_does_not_get_through_is_tried_again(office, manager, clock):
    with receiving(answering(503)) as receiver:
        job = a_job(manager, expect=Expectation(every=60, ping=receiver.url))
        a_success(manager, job)
        office.hear()
        office.wait_until(office.pings.troubles)
        receiver.answer = answering(200)

        clock.pass_by(timedelta(minutes=1))
        office.tick()
        office.wait_until(lambda: not office.pings.troubles())

    assert len(receiver.requests) == 2


def test_holdfast_tells_its_own_watcher_that_it_lives_as_long_as_it_works(make_office, receiver, clock):
    office = make_office(ping_url=receiver.url, ping_every=300)
    receiver.wait_for(1)

    clock.pass_by(timedelta(seconds=299))
    office.tick()
    clock.pass_by(timedelta(seconds=1))
    office.tick()
    receiver.wait_for(2)
    asked = []
    office.office._alive = lambda: bool(asked.append(1))
    clock.pass_by(timedelta(seconds=300))
    office.tick()
    office.wait_until(lambda: asked)
    office.pings.stop()

    assert len(receiver.requests) == 2
