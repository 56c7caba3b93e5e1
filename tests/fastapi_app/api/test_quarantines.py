"""What was taken away, over HTTP: looked at, put back, let go of."""

import pytest

from core.people import Role
from tests.core.clearing.world import World as Place
from tests.core.clearing.world import files_in


@pytest.fixture
def place(world, tmp_path):
    """A run that has taken three files away."""
    run = world.a_running_run(world.a_job())
    made = Place(tmp_path / "place", world.house.service.data, run.id, run.job_id)
    made.put_some()
    made.delete()
    world.house.service.quarantines.adopt_all()
    return made


def test_what_was_taken_away_is_told_with_when_it_goes(browser, place):
    answer = browser.get("/api/v1/quarantines").json()

    (one,) = answer["items"]
    assert answer["total"] == 1
    assert (one["taken"], one["files"], one["stand"], one["typed"]) == (3, 3, "aside", "empty 3")
    assert one["source"] == str(place.source)
    assert one["empty_at"] > one["taken_at"]
    assert browser.get(f"/api/v1/quarantines/{place.run_id}").json() == one


def test_each_file_is_told_with_its_digest_page_by_page(browser, place):
    first = browser.get(f"/api/v1/runs/{place.run_id}/deletion?limit=2").json()
    rest = browser.get(f"/api/v1/runs/{place.run_id}/deletion?limit=2&offset=2").json()

    files = [*first["receipt"], *rest["receipt"]]
    assert [file["path"] for file in files] == ["year 0/0.jpg", "year 0/2.jpg", "year 1/1.jpg"]
    assert {file["state"] for file in files} == {"aside"}
    assert all(len(file["digest"]) == 64 for file in files)


def test_it_is_put_back_on_request(browser, place):
    answer = browser.request("POST", f"/api/v1/quarantines/{place.run_id}/put-back")
    again = browser.request("POST", f"/api/v1/quarantines/{place.run_id}/put-back")

    assert answer.status_code == 200
    assert answer.json()["files"] == 3
    assert len(files_in(place.source)) == 3
    assert again.status_code == 409


def test_it_goes_for_good_only_for_words_that_are_typed(browser, place):
    refused = browser.request("DELETE", f"/api/v1/quarantines/{place.run_id}")
    kept = place.aside()
    answer = browser.request("DELETE", f"/api/v1/quarantines/{place.run_id}?typed=empty%203")

    assert refused.status_code == 422
    assert len(kept) == 3
    assert answer.json()["files"] == 3
    assert place.aside() == {}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_an_admin_moves_what_was_taken_away(people, place, role):
    put_back = people[role].request("POST", f"/api/v1/quarantines/{place.run_id}/put-back")
    empty = people[role].request("DELETE", f"/api/v1/quarantines/{place.run_id}?typed=empty%203")

    assert (put_back.status_code, empty.status_code) == (403, 403)
    assert len(place.aside()) == 3


def test_nothing_is_told_of_what_is_not_there(browser, world):
    run = world.a_running_run(world.a_job())

    assert browser.get("/api/v1/quarantines").json() == {"items": [], "total": 0}
    assert browser.get(f"/api/v1/quarantines/{run.id}").status_code == 404
    assert browser.get(f"/api/v1/runs/{run.id}/deletion").json() == {"preview": [], "receipt": []}
