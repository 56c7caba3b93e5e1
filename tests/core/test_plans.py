"""What is due in a span of days, and who meets whom."""

from datetime import timedelta

import pytest

from core.drafts import JobDraft
from core.models import Schedule, Window
from core.outlook import Outlook
from core.plans import MOST_OF_ONE, Plans, moment_of
from core.work import Outcome


@pytest.fixture
def manager(a_manager, store, dispatcher):
    return a_manager(store, dispatcher)


@pytest.fixture
def plans(manager, events, clock):
    outlook = Outlook(manager, clock)
    events.tell_at_once("outlook", outlook.hear)
    return Plans(manager, outlook, clock)


@pytest.fixture
def due(manager):
    def make(name="job", **schedule):
        return manager.create(JobDraft(name=name, kind="scripted", schedule=Schedule(**schedule)))

    return make


@pytest.fixture
def took(manager, clock):
    def run(job, seconds):
        begun = manager.claim(manager.start(job.id).id, "worker")
        clock.pass_by(timedelta(seconds=seconds))
        return manager.complete(begun.id, begun.attempt, Outcome())

    return run


def test_due_times_of_a_span_are_told_from_now_on(plans, due, clock):
    job = due(cron="0 12 * * *", timezone="UTC")
    today = clock.now().replace(hour=0, minute=0)

    plan = plans.over(today, today + timedelta(days=3))

    assert [moment_of(at).hour for at in plan.jobs[job.id].begins] == [12, 12, 12]
    assert not plan.jobs[job.id].dense


def test_a_due_time_in_a_blackout_stands_at_its_end(plans, due, clock):
    job = due(cron="0 12 * * *", timezone="UTC", blackout=(Window(start="11:00", end="15:30"),))
    today = clock.now().replace(hour=0, minute=0)

    plan = plans.over(today, today + timedelta(days=1))

    assert [f"{moment_of(at):%H:%M}" for at in plan.jobs[job.id].begins] == ["15:30"]


def test_jobs_of_the_same_time_meet_as_long_as_they_usually_take(plans, due, took, clock):
    jobs = [due(f"job {number}", cron="0 12 * * *", timezone="UTC") for number in range(3)]
    for job in jobs:
        took(job, 600)
    today = clock.now().replace(hour=0, minute=0)

    plan = plans.over(today, today + timedelta(days=1))

    assert plan.busiest.many == 3
    assert f"{moment_of(plan.busiest.at):%H:%M}" == "12:00"
    assert plan.steps[-1].at - plan.steps[0].at == 600


def test_what_is_due_very_often_is_told_as_that(plans, due, clock):
    job = due(every=1)
    now = clock.now()

    plan = plans.over(now, now + timedelta(days=7))

    assert plan.jobs[job.id].dense
    assert len(plan.jobs[job.id].begins) == MOST_OF_ONE


def test_a_job_never_meets_itself(plans, due, took, clock):
    job = due(every=600)
    took(job, 3600)
    often = due("often", every=2)
    took(often, 60)
    now = clock.now()

    plan = plans.over(now, now + timedelta(days=1))

    assert plan.busiest.many == 2
    assert (len(plan.jobs[job.id].begins), plan.jobs[often.id].dense) == (144, True)


def test_days_are_counted_and_those_of_the_past_have_nothing_due(plans, due, clock):
    due("nightly", cron="0 2 * * *", timezone="UTC")
    due("once", at=clock.now() + timedelta(days=1))
    due("each second", every=1)
    midnights = [clock.now().replace(hour=0, minute=0) + timedelta(days=day) for day in range(-1, 4)]

    counts, left_out = plans.by_day(midnights)

    assert counts[0] == 0
    assert counts[1] > 40_000
    assert counts[2] == 86_400 + 2
    assert (counts[3], left_out) == (86_400 + 1, 0)


def test_what_was_worked_out_is_worked_out_again_when_a_schedule_changes(plans, due, clock):
    today = clock.now().replace(hour=0, minute=0)
    due(cron="0 12 * * *", timezone="UTC")
    before = plans.over(today, today + timedelta(days=1))
    again = plans.over(today, today + timedelta(days=1))

    due("another", cron="0 13 * * *", timezone="UTC")

    assert again is before
    assert len(plans.over(today, today + timedelta(days=1)).jobs) == 2


def test_the_usual_length_is_learnt_from_runs_and_nobody_knows_that_of_the_first(plans, due, took, manager):
    job = due(every=3600)
    unknown = plans.usual_seconds(job, None)
    for seconds in (100, 200, 300):
        took(job, seconds)

    assert unknown is None
    assert plans.usual_seconds(job, manager.job(job.id).latest_run) == 200
