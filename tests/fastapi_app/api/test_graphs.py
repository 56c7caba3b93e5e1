"""Whole graphs as programs see them."""

import pytest

from core.drafts import JobPatch

JOBS = "/api/v1/jobs"


@pytest.fixture
def program(world):
    headers = world.bearer()
    return lambda method, path, **rest: world.client.request(method, path, headers=headers, **rest)


@pytest.fixture
def chain(world):
    """Three jobs, each after the one before."""
    jobs = []
    for name in ("first", "second", "third"):
        job = world.a_job(name)
        if jobs:
            job = world.house.service.manager.edit(job.id, JobPatch(after=(jobs[-1].id,)), version=1)
        jobs.append(job)
    return jobs


def graph(program, job):
    answer = program("GET", f"{JOBS}/{job.id}/graph").json()
    return {item["name"]: item for item in answer["jobs"]}


def test_a_graph_is_told_from_any_of_its_jobs(program, chain):
    answer = program("GET", f"{JOBS}/{chain[1].id}/graph").json()

    assert answer["total"] == 3
    assert answer["jobs"][0]["name"] == "second"
    assert graph(program, chain[1])["third"] == {
        "id": chain[2].id, "name": "third", "enabled": True, "after": [chain[1].id],
        "after_when": "all_succeeded", "after_failed": "skip", "state": "never", "run_id": None, "flow": None,
    }  # fmt: skip


def test_a_graph_is_started_cancelled_and_retried_by_a_program(program, chain):
    path = f"{JOBS}/{chain[2].id}/graph"

    started = program("POST", f"{path}/start")
    flows = {item["flow"] for item in graph(program, chain[0]).values()}
    again = program("POST", f"{path}/start")
    cancelled = program("POST", f"{path}/cancel")
    retried = program("POST", f"{path}/retry")

    (run,) = started.json()["items"]
    assert (started.status_code, run["job_id"], run["trigger"]) == (202, chain[0].id, "api")
    assert flows == {run["flow"]}
    assert (again.status_code, again.json()["code"]) == (409, "already-running")
    assert {item["state"] for item in cancelled.json()["items"]} <= {"cancelled", "skipped"}
    assert (retried.status_code, retried.json()["items"][0]["of"]) == (202, run["id"])


def test_nothing_is_retried_of_a_graph_that_is_well(program, chain):
    refused = program("POST", f"{JOBS}/{chain[0].id}/graph/retry")

    assert (refused.status_code, refused.json()["code"]) == (409, "wrong-state")


def test_the_graph_of_no_job_is_not_found(program):
    for verb, path in (("GET", "graph"), ("POST", "graph/start"), ("POST", "graph/cancel")):
        assert program(verb, f"{JOBS}/nowhere/{path}").status_code == 404
