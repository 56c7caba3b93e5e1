"""What stands around every page, and what is left of it where something went wrong."""

import io
import json

import pytest
from PIL import Image

from core.people import Role
from fastapi_app.presenters.sections import FIRST, LATER, TAKEN_AWAY, sections_for
from tests.fastapi_app.pages.conftest import a_failed_run, words

SEEN = {"Accept": "text/html"}


def test_every_section_has_a_key_of_its_own():
    keys = [each.key for each in (*FIRST, TAKEN_AWAY, *LATER)]

    assert all(keys)
    assert len(set(keys)) == len(keys)


def test_who_does_not_rule_is_led_to_nothing_that_only_admins_see():
    seen = {each.here for each in sections_for(may_rule=False, took_away=False).all}

    assert not seen & {"audit", "users", "quarantines"}


@pytest.mark.parametrize("section", FIRST + LATER, ids=lambda section: section.here)
def test_every_section_is_there_and_knows_itself(reader, section):
    page = reader.open(section.address)

    assert page.select_one(".side [aria-current=page]")["href"] == section.address


def test_an_error_stands_within_everything_else(world, people):
    job = world.a_job("photos")

    missing = people[Role.ADMIN].get("/jobs/nothing", headers=SEEN)
    denied = people[Role.VIEWER].post(f"/jobs/{job.id}/start", headers=SEEN)

    assert (missing.status_code, denied.status_code) == (404, 403)
    for page in (missing.text, denied.text):
        assert 'class="side"' in page
        assert "data-problem" in page
        assert 'type="search"' in page
    assert "This takes the role operator; yours is viewer." in denied.text


@pytest.mark.parametrize(("path", "host"), [("/login/nothing", None), ("/login", "evil.example")])
def test_a_stranger_is_shown_nothing_of_the_house_by_an_error(world, path, host):
    world.a_job("photos")

    page = world.client.post(path, headers=SEEN | ({"Host": host} if host else {}))

    assert page.status_code in {303, 403, 421}
    assert 'class="side"' not in page.text
    assert "data-c=" not in page.text
    assert "ada" not in page.text


def test_a_mistake_of_ours_stands_alone(world, browser):
    world.house.service.manager.facets = None  # what draws the page is broken

    page = browser.get("/jobs", headers=SEEN)

    assert page.status_code == 500
    assert "A mistake of ours" in page.text
    assert 'class="side"' not in page.text


def test_a_page_of_a_house_where_something_failed_says_so_before_any_script(world, browser, reader):
    calm = reader.open("/jobs")
    a_failed_run(world, world.a_job("photos"))

    page = reader.open("/jobs")

    assert words(calm.title) == "Jobs · Holdfast"
    assert words(page.title) == "(1 failed) Jobs · Holdfast"
    assert "icon-failed.svg" in page.select_one("link[rel=icon]")["href"]


def test_the_pages_can_be_installed(world, reader):
    address = reader.open("/jobs").select_one("link[rel=manifest]")["href"]

    answer = world.client.get(address)
    manifest = json.loads(answer.text)

    assert answer.headers["content-type"].startswith("application/manifest+json")
    assert (manifest["start_url"], manifest["scope"], manifest["display"]) == ("/", "/", "standalone")
    drawn = {each["sizes"]: world.client.get(f"/static/{each['src']}") for each in manifest["icons"]}
    assert all(icon.status_code == 200 for icon in drawn.values())
    for size in ("192x192", "512x512"):
        image = Image.open(io.BytesIO(drawn[size].content))
        assert f"{image.width}x{image.height}" == size
    assert all(each["url"].startswith("/") for each in manifest["shortcuts"])
