"""Trials as programs and pages see them."""

import pytest

from tests.core.processes.conftest import until


@pytest.fixture
def program(world):
    headers = world.bearer()

    def ask(method, path, **rest):
        return world.client.request(method, f"/api/v1{path}", headers=headers, **rest)

    return ask


@pytest.fixture
def ended(program):
    """Return a trial once it is over."""

    def wait(begun):
        until(lambda: program("GET", f"/trials/{begun['id']}").json()["ended_at"])
        return program("GET", f"/trials/{begun['id']}").json()

    return wait


def a_mirror(world, **fields):
    return {"name": "photos", "kind": "rsync", "options": world.options()} | fields


def test_a_job_is_tried_over_http(world, program, ended):
    job = program("POST", "/jobs", json=a_mirror(world)).json()

    begun = program("POST", f"/jobs/{job['id']}/try")
    found = ended(begun.json())

    assert begun.status_code == 202
    assert (found["state"], found["by"], found["result"]["new"]) == ("done", "ada", 1)
    assert found["result"]["changes"] == [["new", "a.txt"]]
    assert not (world.folder / "destination").exists()
    assert program("GET", f"/jobs/{job['id']}/runs").json()["total"] == 0


def test_a_draft_is_tried_over_http_before_it_is_kept(world, program, ended):
    begun = program("POST", "/trials", json=a_mirror(world)).json()

    assert ended(begun)["result"]["new"] == 1
    assert program("GET", "/jobs").json()["total"] == 0


def test_a_trial_that_cannot_be_is_refused_in_words(world, program):
    wrong = program("POST", "/trials", json=a_mirror(world, options={"source": "/", "destination": "x y"}))
    once = program(
        "POST", "/trials", json={"name": "c", "kind": "command", "options": {"argv": ["/bin/true"]}}
    )
    unknown = program("GET", "/trials/nothing")

    assert wrong.status_code == 422
    assert (once.status_code, once.json()["code"]) == (422, "refused")
    assert unknown.status_code == 404


def test_a_trial_is_shown_on_a_page_of_its_own(world, program, ended):
    browser = world.signed_in()
    job = program("POST", "/jobs", json=a_mirror(world)).json()

    begun = browser.post(f"/jobs/{job['id']}/try", follow_redirects=False)
    address = begun.headers["location"]
    ended({"id": address.rpartition("/")[2]})
    page = browser.get(address).text

    assert begun.status_code == 303
    assert "Tried, nothing written" in page
    assert "a.txt" in page
    assert "hx-trigger" not in page
