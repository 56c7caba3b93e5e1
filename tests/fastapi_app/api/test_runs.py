"""Runs as programs see them."""

import pytest

from core.work import Outcome, Question

RUNS = "/api/v1/runs"


@pytest.fixture
def program(world):
    headers = world.bearer()

    def ask(method, path, **rest):
        return world.client.request(method, path, headers=headers, **rest)

    return ask


def test_a_run_is_shown_with_its_progress(world, program):
    run = world.a_running_run(world.a_job())
    world.report(run, 64)

    shown = program("GET", f"{RUNS}/{run.id}").json()

    assert (shown["state"], shown["attempt"], shown["worker"]) == ("running", 1, "test-worker")
    assert (shown["priority"], shown["of"], shown["upstream"], shown["reaches"]) == ("normal", "", {}, [])
    assert shown["attempts"] == [
        {
            "number": 1, "worker": "test-worker", "waited": 0.0, "started_at": "2026-11-21T07:42:00Z",
            "ended_at": None, "ending": None, "counted": True, "error": None,
        }
    ]  # fmt: skip
    assert (shown["progress"]["percent"], shown["progress"]["stage"]) == (64.0, "copy")
    assert (shown["error"], shown["result"], shown["warnings"]) == (None, None, [])


def test_a_run_that_is_over_is_run_again(world, program):
    run = world.a_running_run(world.a_job())
    refused = program("POST", f"{RUNS}/{run.id}/requeue")
    world.house.service.manager.complete(run.id, run.attempt, Outcome(result={"files": {"copied": 3}}))

    again = program("POST", f"{RUNS}/{run.id}/requeue")

    assert refused.status_code == 409
    assert (again.status_code, again.json()["number"], again.json()["trigger"]) == (202, 2, "requeue")
    assert program("GET", f"{RUNS}/{run.id}").json()["result"] == {"files": {"copied": 3}}


def test_a_run_is_paused_resumed_and_cancelled(world, program):
    run = world.a_running_run(world.a_job())

    pausing = program("POST", f"{RUNS}/{run.id}/pause").json()
    world.house.service.manager.stopped(run.id, run.attempt)
    resumed = program("POST", f"{RUNS}/{run.id}/resume").json()
    cancelled = program("POST", f"{RUNS}/{run.id}/cancel").json()

    assert [answer["state"] for answer in (pausing, resumed, cancelled)] == ["pausing", "queued", "cancelled"]


def test_a_run_log_is_read_in_parts(world, program):
    run = world.a_running_run(world.a_job())
    for number in range(1, 11):
        world.house.service.logs.write(run.id, "warn" if number == 5 else "info", f"line {number}")

    first = program("GET", f"{RUNS}/{run.id}/log", params={"limit": 4}).json()
    rest = program("GET", f"{RUNS}/{run.id}/log", params={"after": first["next"]}).json()

    lines = first["lines"] + rest["lines"]
    assert [(line["number"], line["text"]) for line in lines] == [(n, f"line {n}") for n in range(1, 11)]
    assert (lines[4]["level"], lines[4]["at"]) == ("warn", "2026-11-21T07:42:00Z")
    assert (len(first["lines"]), rest["total"], rest["next"]) == (4, 10, 10)


@pytest.mark.parametrize(
    "params", [{"after": -1}, {"after": 10**30}, {"limit": 0}, {"limit": 10**9}, {"after": "x"}]
)
def test_odd_parts_of_a_log_are_refused(world, program, params):
    run = world.a_running_run(world.a_job())

    assert program("GET", f"{RUNS}/{run.id}/log", params=params).status_code == 422


def test_what_a_run_asks_is_shown_and_answered(world, program):
    run = world.a_running_run(world.a_job())
    asked = Question(
        id="q1",
        about="delete",
        sentence="Delete 3 files?",
        answers={"keep": "Keep them", "delete": "Delete them"},
        typed="delete 3 files",
    )
    world.house.service.manager.hold(run.id, run.attempt, asked)

    shown = program("GET", f"{RUNS}/{run.id}").json()
    body = {"question": shown["question"]["id"], "answer": "delete"}
    refused = program("POST", f"{RUNS}/{run.id}/answer", json=body)
    answered = program("POST", f"{RUNS}/{run.id}/answer", json={**body, "typed": "delete 3 files"})
    again = program("POST", f"{RUNS}/{run.id}/answer", json={**body, "typed": "delete 3 files"})

    assert (shown["state"], shown["question"]["sentence"]) == ("paused", "Delete 3 files?")
    assert shown["question"]["answers"] == {"keep": "Keep them", "delete": "Delete them"}
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-options")
    assert (answered.status_code, answered.json()["state"]) == (202, "queued")
    assert (again.status_code, again.json()["code"]) == (409, "wrong-state")
    assert world.house.service.manager.answered(run.id).by == "ada"
