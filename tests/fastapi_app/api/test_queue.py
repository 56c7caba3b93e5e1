"""The queue as programs see it."""

from datetime import timedelta

import pytest

from core.people import Role

QUEUE = "/api/v1/queue"
JOBS = "/api/v1/jobs"
HOUR = timedelta(hours=1)


@pytest.fixture
def program(world):
    headers = world.bearer()

    def ask(method, path, **rest):
        return world.client.request(method, path, headers=headers | rest.pop("headers", {}), **rest)

    return ask


@pytest.fixture
def manager(world):
    return world.house.service.manager


def test_the_queue_tells_what_is_at_work_and_what_waits_and_why(world, program, manager):
    at_work = world.a_running_run(world.a_job("photos"))
    waiting = manager.start(world.a_job("music").id)

    shown = program("GET", QUEUE).json()

    assert [one["run_id"] for one in shown["at_work"]] == [at_work.id]
    assert [(one["run_id"], one["job"]) for one in shown["line"]] == [(waiting.id, "music")]
    assert shown["line"][0]["waiting"]["code"] == "slots"
    assert (shown["in_line"], shown["paused"], shown["working"]) == (1, None, True)
    assert [(one["name"], one["busy"], one["queued"]) for one in shown["shared"]] == [("copy", 1, 1)]


def test_a_paused_queue_is_said_on_every_run_that_waits(world, program, manager):
    run = manager.start(world.a_job().id)
    until = (world.clock.now() + HOUR).isoformat()

    paused = program("POST", f"{QUEUE}/pause", json={"reason": "moving house", "until": until}).json()
    waiting = program("GET", f"/api/v1/runs/{run.id}").json()["waiting"]

    assert (paused["paused"]["by"], paused["paused"]["reason"]) == ("ada", "moving house")
    assert (waiting["code"], waiting["until"]) == ("paused", "2026-11-21T08:42:00Z")
    assert waiting["words"].startswith("The queue is paused by ada since")
    assert waiting["words"].endswith(": moving house.")
    resumed = program("POST", f"{QUEUE}/resume", json={}).json()
    assert resumed["paused"] is None
    assert program("GET", f"/api/v1/runs/{run.id}").json()["waiting"]["code"] == "slots"


def test_a_kind_a_job_and_a_group_are_paused_by_name(world, program, manager):
    job = world.a_job()
    manager.start(job.id)

    for scope, name in [("kind", "copy"), ("job", job.id), ("group", "nas-02")]:
        answer = program("POST", f"{QUEUE}/pause", json={"scope": scope, "name": name})
        assert answer.status_code == 200

    shown = program("GET", QUEUE).json()
    assert [one["job_id"] for one in shown["paused_jobs"]] == [job.id]
    assert [one["name"] for one in shown["shared"] if one["paused"]] == ["nas-02", "copy"]


def test_a_limit_is_set_and_taken_away(program):
    limits = f"{QUEUE}/limits"

    three = program("POST", limits, json={"scope": "group", "name": "nas-02", "most": 3}).json()
    again = program("POST", limits, json={"scope": "group", "name": "nas-02", "most": None}).json()

    assert [(one["name"], one["most"]) for one in three["shared"]] == [("nas-02", 3)]
    assert again["shared"] == []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("pause", {"scope": "kind", "name": ""}, "name"),
        ("pause", {"scope": "group", "name": "a\u0007b"}, "name"),
        ("pause", {"scope": "queue", "name": "other"}, "name"),
        ("pause", {"scope": "everything"}, "scope"),
        ("pause", {"until": "2020-01-01T00:00:00Z"}, "until"),
        ("pause", {"until": "tomorrow"}, "until"),
        ("pause", {"until": "9999-12-31T23:59:59Z"}, "until"),
        ("pause", {"until": "0001-01-01T00:00:00+14:00"}, "until"),
        ("pause", {"until": "2026-12-01T00:00:00"}, "until"),
        ("limits", {"scope": "group", "name": "nas-02", "most": 0}, "most"),
        ("limits", {"scope": "group", "name": "nas-02", "most": True}, "most"),
        ("limits", {"scope": "job", "name": "x", "most": 2}, "scope"),
        ("resume", {"scope": "queue", "extra": 1}, "extra"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(program, path, body, field):
    answer = program("POST", f"{QUEUE}/{path}", json=body)

    assert answer.status_code == 422
    assert field in answer.json()["problems"]


def test_a_pause_of_a_job_that_is_not_there_is_refused(program):
    assert program("POST", f"{QUEUE}/pause", json={"scope": "job", "name": "nobody"}).status_code == 404


def test_somebody_who_only_looks_cannot_pause_the_queue(people):
    viewer, operator = people[Role.VIEWER], people[Role.OPERATOR]

    assert viewer.get(QUEUE).status_code == 200
    assert viewer.post(f"{QUEUE}/pause", json={}).status_code == 403
    assert operator.post(f"{QUEUE}/pause", json={}).status_code == 200


def test_a_run_gets_another_priority_and_another_place_in_line(world, program, manager):
    first, second = (manager.start(world.a_job(name).id) for name in ("first", "second"))

    moved = program("PATCH", f"/api/v1/runs/{second.id}", json={"priority": "high"})

    assert moved.json()["priority"] == "high"
    line = program("GET", QUEUE).json()["line"]
    assert [one["run_id"] for one in line] == [second.id, first.id]
    stale = program("PATCH", f"/api/v1/runs/{second.id}", json={"priority": "low", "version": 1})
    assert stale.status_code == 409


def test_a_run_at_work_has_no_place_in_line_to_change(world, program):
    run = world.a_running_run(world.a_job())

    assert program("PATCH", f"/api/v1/runs/{run.id}", json={"priority": "high"}).status_code == 409
    assert program("GET", f"/api/v1/runs/{run.id}").json()["waiting"] is None


def test_the_job_says_why_its_run_waits(world, program, manager):
    job = world.a_job()
    manager.start(job.id)

    assert program("GET", f"{JOBS}/{job.id}").json()["latest_run"]["waiting"]["code"] == "slots"


def test_creating_twice_with_one_key_makes_one_job(world, program):
    body = {"name": "photos", "kind": "copy", "options": world.options()}
    key = {"Idempotency-Key": "8f1c"}

    first = program("POST", JOBS, json=body, headers=key)
    again = program("POST", JOBS, json=body, headers=key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert program("GET", JOBS).json()["total"] == 1


def test_starting_twice_with_one_key_makes_one_run(world, program):
    job = world.a_job()
    key = {"Idempotency-Key": "8f1c"}

    first = program("POST", f"{JOBS}/{job.id}/runs", headers=key)
    again = program("POST", f"{JOBS}/{job.id}/runs", headers=key)
    without = program("POST", f"{JOBS}/{job.id}/runs")

    assert (first.status_code, again.status_code, without.status_code) == (202, 202, 409)
    assert first.json()["id"] == again.json()["id"]


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "a\tb"])
def test_a_key_that_cannot_be_one_is_refused(world, program, key):
    answer = program("POST", f"{JOBS}/{world.a_job().id}/runs", headers={"Idempotency-Key": key})

    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json()["problems"]
