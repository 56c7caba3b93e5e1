"""Who is due next, kept up to date as things change."""

from datetime import timedelta

import pytest

from core.drafts import JobDraft, JobPatch
from core.models import Schedule
from core.outlook import Outlook
from core.timetable import timetable


@pytest.fixture
def manager(a_manager, store, dispatcher):
    return a_manager(store, dispatcher)


@pytest.fixture
def outlook(manager, events, clock):
    outlook = Outlook(manager, clock)
    events.tell_at_once("outlook", outlook.hear)
    return outlook


@pytest.fixture
def due(manager):
    def make(name, **schedule):
        return manager.create(JobDraft(name=name, kind="scripted", schedule=Schedule(**schedule)))

    return make


def names(outlook):
    return [one.job.name for one in outlook.appointments()]


def test_it_says_what_the_timetable_says_after_every_change(outlook, due, manager, clock):
    def both():
        found = {one.job.id: one for one in timetable(manager, clock.now())}
        return [found[one.job.id] == one for one in outlook.appointments()], len(found)

    seen = [both()]
    job = due("nightly", cron="0 2 * * *")
    due("often", every=600)
    manager.create(JobDraft(name="by hand", kind="scripted"))
    seen.append(both())
    manager.edit(job.id, JobPatch(schedule=Schedule(cron="0 1 * * *")), version=None)
    seen.append(both())
    manager.skip_next(job.id, outlook.appointments()[1].next_at)
    seen.append(both())
    manager.delete(job.id)
    seen.append(both())
    clock.pass_by(timedelta(hours=1))
    seen.append(both())

    assert seen == [([True] * many, many) for many in (0, 2, 2, 2, 1, 1)]


def test_the_next_due_comes_first_and_what_is_due_no_more_last(outlook, due, manager):
    off = due("a, switched off", every=60)
    due("b, late", cron="0 5 * * *")
    due("c, soon", every=60)
    manager.edit(off.id, JobPatch(enabled=False), version=None)

    assert names(outlook) == ["c, soon", "b, late", "a, switched off"]


def test_a_due_time_that_has_come_is_not_shown_as_the_next(outlook, due, clock):
    due("hourly", every=3600)
    before = outlook.appointments()[0].next_at

    clock.pass_by(timedelta(minutes=61))

    assert outlook.appointments()[0].next_at == before + timedelta(hours=1)


def test_a_clock_that_is_set_back_makes_everything_anew(outlook, due, clock):
    due("hourly", every=3600)
    clock.pass_by(timedelta(hours=10))
    later = outlook.appointments()[0].next_at

    clock.set(clock.now() - timedelta(hours=5))

    assert outlook.appointments()[0].next_at == later - timedelta(hours=5)


def test_looking_again_without_a_change_makes_nothing_anew(outlook, due):
    due("hourly", every=3600)
    first = outlook.appointments()

    again = outlook.appointments()

    assert again is first


def test_the_last_run_of_a_job_is_the_last(outlook, due, manager):
    job = due("hourly", every=3600)
    outlook.appointments()

    run = manager.start(job.id)

    assert outlook.appointments()[0].latest_run.id == run.id
