"""One action on many jobs."""

import uuid

import pytest

from core.drafts import JobPatch
from core.models import Failure
from core.people import Role

BULK = "/api/v1/jobs/bulk"


@pytest.fixture
def bulk(world):
    def bulk(**entry):
        return world.client.post(BULK, headers=world.bearer(), json=entry)

    return bulk


def states(world):
    jobs = world.house.service.manager.list_jobs().items
    return {item.job.name: item.latest_run.state if item.latest_run else None for item in jobs}


def test_what_would_be_done_to_many_jobs_is_counted_first(world, bulk):
    for name in ("photos", "music", "films"):
        world.a_job(name)

    counted = bulk(action="start", filter={}, dry_run=True).json()
    done = bulk(action="start", filter={"q": "usic"}).json()

    assert (counted["jobs"], counted["done"]) == (3, [])
    assert (done["jobs"], len(done["done"])) == (1, 1)
    assert states(world) == {"photos": None, "music": "queued", "films": None}


def test_of_many_jobs_those_that_come_after_another_wait_for_it(world, bulk):
    manager = world.house.service.manager
    dump = world.a_job("dump")
    copy = world.a_job("copy")
    manager.edit(copy.id, JobPatch(after=(dump.id,)), version=None)

    done = bulk(action="start", ids=[copy.id, dump.id]).json()

    assert done["done"] == [dump.id, copy.id]
    assert states(world) == {"dump": "queued", "copy": "blocked"}


def test_a_job_that_refuses_keeps_no_other_from_it(world, bulk):
    busy, free = world.a_job("busy"), world.a_job("free")
    world.a_running_run(busy)

    told = bulk(action="delete", ids=[busy.id, free.id, busy.id]).json()

    assert (told["jobs"], told["done"]) == (2, [free.id])
    [refused] = told["refused"]
    assert (refused["job_id"], refused["code"]) == (busy.id, "wrong-state")
    assert set(states(world)) == {"busy"}


def test_every_action_does_what_it_does_to_one_job(world, bulk):
    manager = world.house.service.manager
    job = world.a_job()

    def done(action):
        return bulk(action=action, ids=[job.id]).json()["done"] == [job.id]

    assert done("disable")
    assert not manager.job(job.id).job.enabled
    assert not done("start")
    assert done("enable")
    assert not done("requeue")
    assert not done("pause")
    assert done("start")
    run = manager.claim(manager.job(job.id).latest_run.id, "here")
    assert done("pause")
    manager.stopped(run.id, 1)
    assert done("resume")
    run = manager.claim(run.id, "here")
    manager.fail(run.id, run.attempt, Failure(code="engine-failed", message="It is broken."))
    assert done("requeue")
    assert done("cancel")
    assert manager.runs_of(job.id)[0].state == "cancelled"


@pytest.mark.parametrize(
    "entry",
    [
        {"action": "start"},
        {"action": "start", "ids": [], "filter": {}},
        {"action": "burn", "filter": {}},
        {"action": "start", "filter": {"colour": "red"}},
        {"action": "start", "ids": ["x\0"]},
        {"filter": {}},
    ],
)
def test_a_wish_about_many_jobs_that_makes_no_sense_is_refused(world, bulk, entry):
    world.a_job()

    assert bulk(**entry).status_code == 422
    assert states(world) == {"photos": None}


def test_a_job_among_many_that_is_not_there_stops_it_before_anything_is_done(world, bulk):
    job = world.a_job()

    assert bulk(action="start", ids=[job.id, str(uuid.uuid4())]).status_code == 404
    assert states(world) == {"photos": None}


def test_whoever_may_only_look_does_nothing_to_many_jobs(world, people):
    world.a_job()

    assert people[Role.VIEWER].post(BULK, json={"action": "start", "filter": {}}).status_code == 403
    assert states(world) == {"photos": None}
