"""A mistake in a file is told where it matters."""

import pytest

from core.people import Role
from core.storage.base import Problem
from tests.fastapi_app.pages.conftest import Reader, words

TEXT = "id: 3f\nname: photos\nkind: copy\noptions:\n  source: /a\n  destination: /b\n  verify: [full\n"


@pytest.fixture
def job(world):
    return world.a_job("photos")


@pytest.fixture
def mistake(world, job):
    """A mistake in line 7 of the job's file, as whoever watches the files tells of it."""
    path = world.folder / "data" / "jobs" / "3f" / "photos-3f.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT)
    problem = Problem(
        path="jobs/3f/photos-3f.yaml", message="The list is not closed.", line=7, column=11, job_id=job.id
    )
    world.house.service.manager.note_mistake(job.id, problem)
    return problem


def test_a_mistake_in_a_hand_edit_is_shown_on_the_page_of_its_job(reader, job, mistake):
    banner = reader.open(f"/jobs/{job.id}").select_one("#mistake")

    assert "jobs/3f/photos-3f.yaml, line 7, column 11 : The list is not closed." in words(banner)
    assert banner.select_one("pre").text == "  verify: [full"
    assert "The version before the edit is in force." in words(banner)
    assert banner.select_one("form")["action"] == f"/jobs/{job.id}/discard-edit"


def test_a_job_without_a_mistake_says_nothing_of_one(reader, job):
    assert reader.open(f"/jobs/{job.id}").select_one("#mistake") is None


def test_the_count_is_gone_with_the_mistake(world, reader, job, mistake):
    counted = [words(reader.open(page).select_one(".side .count")) for page in ("/", "/jobs", "/store")]
    leads = reader.open("/").select_one('#board-says a[href="/store"]')
    world.house.service.manager.note_mistake(job.id, None)
    page = reader.open("/")

    assert counted == ["1 to look at"] * 3
    assert words(leads) == "1 file needs somebody to look"
    assert page.select_one('[data-c="problems"]').text == ""
    assert page.select_one('#board-says a[href="/store"]') is None


def test_who_may_only_look_discards_nothing(world, people, job, mistake):
    viewer = people[Role.VIEWER]

    answer = viewer.post(f"/jobs/{job.id}/discard-edit", headers={"Accept": "text/html"})
    page = Reader(viewer).open(f"/jobs/{job.id}")

    assert answer.status_code == 403
    assert "reads-only" in page.select_one("body")["class"]
    assert "writes" in page.select_one("#mistake form")["class"]
    assert world.house.service.manager.mistakes[job.id] == mistake
