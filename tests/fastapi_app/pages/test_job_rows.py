"""Rows of the list, what they say when they open, views of the list, and its table."""

import csv
import io

from core.drafts import JobPatch
from core.models import Failure
from core.people import Role
from tests.fastapi_app.pages.conftest import Reader, a_failed_run, a_verified_run, words


def names_on(page):
    return [words(name) for name in page.select("#list tbody .name")]


def piece(browser, job, path="more", method="GET"):
    """Return what a row gets that asks for it by script."""
    target = f"tr#row-{job.id}" if method == "POST" else "td"
    headers = {"HX-Request": "true", "HX-Target": target, "Accept": "text/html"}
    return browser.request(method, f"/jobs/{job.id}/{path}", headers=headers)


def soup(reader, answer):
    return reader.read(answer)


def test_the_list_opens_with_what_was_looked_for_last(world, reader):
    a_failed_run(world, world.a_job("photos"))
    world.a_job("music")
    kept = reader.browser.get("/jobs?state=failed", headers={"Accept": "text/html"}).cookies["jobs-filter"]
    cookie = {
        "Cookie": f"holdfast_session={reader.browser.cookie}; jobs-filter={kept}",
        "Accept": "text/html",
    }

    opened = reader.browser.get("/jobs", headers=cookie)
    every = reader.browser.get("/jobs?all=1", headers=cookie)

    assert (opened.status_code, opened.headers["location"]) == (303, "/jobs?state=failed")
    assert names_on(reader.read(every)) == ["photos", "music"]
    assert 'jobs-filter=""' in every.headers["set-cookie"]


def test_a_search_that_is_not_understood_is_told_below_the_box(world, reader):
    world.a_job("photos")

    page = reader.open("/jobs?q=colour:red")

    assert reader.status == 200
    assert "kind:, tag:, state:" in words(page.select_one("#q-says"))
    assert page.select_one("#q")["aria-describedby"] == "q-says"
    assert names_on(page) == []
    assert words(page.select_one(".chips a")) == "All 1"


def test_a_search_that_is_not_understood_or_too_long_to_keep_does_not_come_back(world, reader):
    world.a_job("photos")

    mistaken = reader.browser.get("/jobs?q=colour:red", headers={"Accept": "text/html"})
    cookie = {
        "Cookie": f"holdfast_session={reader.browser.cookie}; jobs-filter=%2Fjobs%3Fq%3Dold",
        "Accept": "text/html",
    }
    endless = reader.browser.get("/jobs", params={"q": "\u0436" * 900}, headers=cookie)

    assert "jobs-filter" not in mistaken.headers.get("set-cookie", "")
    assert 'jobs-filter=""' in endless.headers["set-cookie"]


def test_a_list_that_says_nothing_leads_nowhere_for_ever(world, reader):
    cookie = {
        "Cookie": f"holdfast_session={reader.browser.cookie}; jobs-filter=%2Fjobs%3F",
        "Accept": "text/html",
    }

    assert reader.browser.get("/jobs", headers=cookie).status_code == 200


def test_a_value_that_no_job_has_is_told_beside_the_empty_list(world, reader):
    world.house.service.manager.edit(world.a_job("photos").id, JobPatch(tags=("nas",)), version=1)

    page = reader.open("/jobs?q=tag:nsa")

    assert "No job has tag “nsa”. There are: nas." in words(page.select_one(".filters"))
    assert names_on(page) == []


def test_a_view_is_kept_opened_with_and_removed(world, reader, people):
    world.a_job("photos")
    other = Reader(people[Role.OPERATOR])
    page = reader.open("/jobs?q=photos")
    form = page.select_one('form[action="/jobs/views"]')
    reader.send(form, name="  Mine ")
    kept = reader.open("/jobs?all=1")
    links = [link["href"] for link in kept.select("#views a")]

    change = kept.select_one('form[action="/jobs/views/change"]')
    reader.send(change, button=change.select_one("[value=first]"))
    opened = reader.browser.get("/jobs", headers={"Accept": "text/html"})
    elsewhere = other.open("/jobs?all=1").select("#views a")
    reader.send(change, button=change.select_one("[value=remove]"))

    assert links == ["/jobs?q=photos"]
    assert (opened.status_code, opened.headers["location"]) == (303, "/jobs?q=photos")
    assert elsewhere == []
    assert reader.open("/jobs").select("#views a") == []
    assert reader.status == 200


def test_an_opened_row_tells_why_and_what_next(world, reader, browser):
    job = world.a_job("photos")
    a_verified_run(world, job)
    a_verified_run(world, job)
    a_failed_run(
        world, job, Failure(code="engine-failed", message="The disk is full.", hint="Free some space.")
    )

    more = soup(reader, piece(browser, job))

    said = words(more)
    for part in ("Why The disk is full.", "Next step Free some space.", "Since first failure in 3 runs"):
        assert part in said
    assert [button["formaction"] for button in more.select("button")] == [f"/jobs/{job.id}/start"]
    assert [words(link) for link in more.select("a")] == ["Log", "Open"]
    assert browser.get(f"/jobs/{job.id}/more").headers["location"] == f"/jobs/{job.id}"


def test_a_row_that_goes_can_be_taken_back_where_it_stands(world, reader, browser):
    job = world.a_job("photos")

    going = soup(reader, piece(browser, job, "delete", "POST"))
    kept = soup(reader, piece(browser, job, "keep", "POST"))

    assert going.tr["data-can"] == "keep"
    assert "Deleting" in words(going.tr)
    assert [words(button) for button in going.select("button[form=act]")] == ["Undo"]
    assert kept.tr["data-can"] == "start"
    assert "Deleting" not in words(kept.tr)


def test_the_table_has_what_matches_and_no_formula(world, browser):
    world.a_job("photos")
    a_failed_run(world, world.a_job("=1+1"))

    every = list(csv.reader(io.StringIO(browser.get("/jobs.csv?sort=name").text)))
    failed = list(csv.reader(io.StringIO(browser.get("/jobs.csv?state=failed").text)))

    assert [row[0] for row in every] == ["name", "'=1+1", "photos"]
    assert [row[:3] for row in failed[1:]] == [["'=1+1", "copy", "failed"]]
    assert not [cell for row in every for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_a_search_is_the_same_for_pages_programs_and_commands(world, reader, browser):
    first = world.a_job("photos")
    world.house.service.manager.edit(first.id, JobPatch(tags=("nas",)), version=1)
    world.a_job("music")

    page = reader.open("/jobs?q=tag:nas")
    answer = browser.get("/api/v1/jobs", params={"q": "tag:nas"})
    refused = browser.get("/api/v1/jobs", params={"q": "colour:red"})

    assert names_on(page) == [item["name"] for item in answer.json()["items"]] == ["photos"]
    assert refused.status_code == 422
    assert "There is no “colour:”" in refused.json()["detail"]


def test_who_may_only_look_cannot_act_on_many(people):
    answers = {
        role: one.post("/jobs/bulk", data={"action": "delete"}).status_code for role, one in people.items()
    }

    assert (answers[Role.VIEWER], answers[Role.OPERATOR]) == (403, 409)
