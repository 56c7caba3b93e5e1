"""Dead letters as programs see them."""

import uuid

import pytest

from core.models import Failure
from core.people import Role

LETTERS = "/api/v1/dead-letters"


@pytest.fixture
def program(world):
    headers = world.bearer()

    def ask(method, path, **rest):
        return world.client.request(method, path, headers=headers, **rest)

    return ask


@pytest.fixture
def fail(world):
    def fail(job, message="Permission denied: '/srv/a.jpg'"):
        run = world.a_running_run(job)
        failure = Failure(code="engine-failed", message=message)
        return world.house.service.manager.fail(run.id, run.attempt, failure)

    return fail


def test_a_run_that_failed_is_listed_until_it_is_requeued(world, program, fail):
    job = world.a_job()
    run = fail(job)

    listed = program("GET", LETTERS).json()
    requeued = program("POST", f"/api/v1/runs/{run.id}/requeue")

    [letter] = listed["items"]
    assert listed["total"] == 1
    assert (letter["run_id"], letter["job"], letter["number"], letter["attempts"]) == (run.id, "photos", 1, 1)
    assert (letter["message"], letter["succeeded"]) == ("Permission denied: '/srv/a.jpg'", False)
    assert requeued.json()["of"] == run.id
    assert program("GET", LETTERS).json() == {"items": [], "total": 0}


def test_a_run_is_discarded_with_a_reason_once(world, program, fail):
    run = fail(world.a_job())

    discarded = program("POST", f"/api/v1/runs/{run.id}/discard", json={"reason": "The disk was swapped."})
    again = program("POST", f"/api/v1/runs/{run.id}/discard")

    assert (discarded.status_code, discarded.json()["state"]) == (200, "failed")
    assert again.status_code == 409
    assert program("GET", LETTERS).json()["total"] == 0


def test_failures_of_the_same_error_are_one_group_with_its_note(world, program, fail):
    first, second = world.a_job("photos"), world.a_job("music")
    for number, job in enumerate((first, first, second)):
        fail(job, f"Permission denied: '/srv/{number}.jpg'")
    fail(second, "The disk is full.")

    [group, other] = program("GET", f"{LETTERS}/groups").json()["items"]
    noted = program("POST", f"{LETTERS}/groups/{group['group']}/note", json={"text": "Renew the key."})

    assert (group["runs"], group["jobs"], other["message"]) == (3, 2, "The disk is full.")
    assert noted.json()["text"] == "Renew the key."
    shown = program("GET", f"{LETTERS}/groups/{group['group']}").json()
    assert (shown["note"]["by"], shown["runs"]) == ("ada", 3)


def test_what_would_be_requeued_is_counted_first(world, program, fail):
    first, second = world.a_job("photos"), world.a_job("music")
    for job in (first, first, second):
        fail(job)

    counted = program("POST", f"{LETTERS}/requeue", json={"filter": {}, "dry_run": True}).json()
    done = program("POST", f"{LETTERS}/requeue", json={"filter": {}})

    assert (counted["runs"], counted["jobs"], counted["made"]) == (3, 2, [])
    assert (done.status_code, len(done.json()["made"]), len(done.json()["covered"])) == (202, 2, 1)
    assert program("GET", LETTERS).json()["total"] == 0


def test_only_what_matches_is_requeued_or_discarded(world, program, fail):
    photos, music = world.a_job("photos"), world.a_job("music")
    fail(photos, "The disk is full.")
    run = fail(music)

    requeued = program("POST", f"{LETTERS}/requeue", json={"filter": {"q": "disk"}}).json()
    discarded = program(
        "POST", f"{LETTERS}/discard", json={"run_ids": [run.id, "nobody"], "reason": "Old."}
    ).json()

    assert [made["job_id"] for made in requeued["made"]] == [photos.id]
    assert (discarded["runs"], discarded["jobs"], discarded["gone"]) == (1, 1, [run.id])


def test_letters_are_filtered_and_paged(world, program, fail):
    photos, music = world.a_job("photos"), world.a_job("music")
    for _ in range(3):
        fail(photos)
    fail(music, "The disk is full.")

    def total(**question):
        return program("GET", LETTERS, params=question).json()["total"]

    page = program("GET", LETTERS, params={"limit": 2, "offset": 2}).json()

    assert (total(job=photos.id), total(kind="copy"), total(kind="command"), total(q="disk")) == (3, 4, 0, 1)
    assert (total(succeeded="true"), total(succeeded="false"), total(tag="home")) == (0, 4, 0)
    assert (len(page["items"]), page["total"]) == (2, 4)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"run_ids": [], "filter": {}},
        {"filter": {"colour": "red"}},
        {"filter": None},
        {"run_ids": "all"},
        {"run_ids": ["x\0"]},
        {"filter": {"q": "x" * 2_000}},
        [],
    ],
)
@pytest.mark.parametrize("verb", ["requeue", "discard"])
def test_a_wish_that_says_neither_which_nor_all_is_refused(world, program, fail, body, verb):
    fail(world.a_job())

    refused = program("POST", f"{LETTERS}/{verb}", json=body)

    assert refused.status_code == 422
    assert program("GET", LETTERS).json()["total"] == 1


def test_what_is_not_there_is_told(program):
    nowhere = uuid.uuid4()

    assert program("GET", LETTERS, params={"job": "../etc"}).status_code == 404
    assert program("GET", f"{LETTERS}/groups/0123456789abcdef").status_code == 404
    assert program("POST", f"/api/v1/runs/{nowhere}/discard").status_code == 404
    assert program("POST", f"{LETTERS}/groups/..%2F..%2Fqueue/note", json={"text": "x"}).status_code in {
        404,
        422,
    }
    assert program("POST", f"{LETTERS}/groups/NOTHEXNOTHEXNOTH/note", json={"text": "x"}).status_code == 422


def test_whoever_may_only_look_neither_requeues_nor_discards(world, fail, people):
    run = fail(world.a_job())
    looks = people[Role.VIEWER]

    answers = [
        looks.post(f"{LETTERS}/requeue", json={"filter": {}}),
        looks.post(f"{LETTERS}/discard", json={"filter": {}}),
        looks.post(f"/api/v1/runs/{run.id}/discard", json={}),
        looks.post(f"{LETTERS}/groups/0123456789abcdef/note", json={"text": "x"}),
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert looks.get(LETTERS).json()["total"] == 1
    assert people[Role.OPERATOR].post(f"{LETTERS}/requeue", json={"filter": {}}).status_code == 202
