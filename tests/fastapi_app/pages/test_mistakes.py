"""A mistake in a file is told where it matters."""

import threading
import time
from datetime import timedelta

import pytest

from core.edits import ALL_GONE
from core.people import Role
from core.storage.base import Problem
from tests.fastapi_app.conftest import PASSWORD
from tests.fastapi_app.pages.conftest import Reader, words

TEXT = "id: 3f\nname: photos\nkind: copy\noptions:\n  source: /a\n  destination: /b\n  verify: [full\n"


def reading(browser):
    return Reader(browser)


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
    counted = [
        words(reader.open(page).select_one(".side a[href='/store'] .count"))
        for page in ("/", "/jobs", "/store")
    ]
    leads = reader.open("/").select_one('#board-says a[href="/store"]')
    world.house.service.manager.note_mistake(job.id, None)
    page = reader.open("/")

    assert counted == ["1 to look at"] * 3
    assert words(leads) == "1 file needs somebody to look"
    assert page.select_one('[data-c="problems"]').text == ""
    assert page.select_one('#board-says a[href="/store"]') is None


def test_what_was_typed_beside_a_mistake_in_the_file_comes_back(world, reader, job):
    form = reader.open(f"/jobs/{job.id}/edit").select_one("#job-form")
    problem = Problem(path="jobs/3f/photos-3f.yaml", message="The list is not closed.", job_id=job.id)
    world.house.service.manager.note_mistake(job.id, problem)

    page = reader.read(reader.send(form, name="family"))
    world.house.service.manager.note_mistake(job.id, None)
    again = reader.send(page.select_one("#job-form"))

    assert reader.status == 409
    assert page.select_one("#name")["value"] == "family"
    assert "jobs/3f/photos-3f.yaml was edited by hand" in words(page.select_one("[role=alert]"))
    assert again.status_code == 303
    assert world.house.service.manager.job(job.id).job.name == "family"


def test_who_may_only_look_discards_nothing(world, people, job, mistake):
    viewer = people[Role.VIEWER]

    answer = viewer.post(f"/jobs/{job.id}/discard-edit", headers={"Accept": "text/html"})
    page = reading(viewer).open(f"/jobs/{job.id}")

    assert answer.status_code == 403
    assert "reads-only" in page.select_one("body")["class"]
    assert "writes" in page.select_one("#mistake form")["class"]
    assert world.house.service.manager.mistakes[job.id] == mistake


@pytest.fixture
def kept(make_world):
    """An app on a real folder, with a job whose file has a mistake."""
    world = make_world()
    job = world.a_job("photos")
    (path,) = files_of(world, 1)
    before = path.read_text()
    path.write_text(before.replace("priority: normal", "priority: sometimes"))
    wait_for(world, lambda: world.house.service.manager.mistakes)
    return world, job, path, before


def wait_for(world, look, seconds=20):
    """Return what is there as soon as it is there.

    Time passes meanwhile: what the system does not tell is found when every file is looked at again.
    """
    end = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < end:
        threading.Event().wait(0.02)
        world.clock.pass_by(timedelta(seconds=0.5))
    assert found
    return found


def files_of(world, count):
    """Return the files of so many jobs, once nothing is left to be written."""
    jobs, shelf = world.folder / "data" / "jobs", world.house.service._shelf()
    wait_for(world, lambda: len(list(jobs.rglob("*.yaml"))) == count and not shelf.waiting)
    return sorted(jobs.rglob("*.yaml"))


def test_an_edit_is_discarded_on_the_page_of_its_job(kept):
    world, job, path, before = kept
    world.house.accounts.add_user("operator", PASSWORD, Role.OPERATOR)
    reader = reading(world.signed_in("operator"))
    banner = reader.open(f"/jobs/{job.id}").select_one("#mistake")

    answer = reader.send(banner.select_one("form"))

    assert f"line {before[: before.index('priority')].count(chr(10)) + 1}, column" in words(banner)
    assert banner.select_one("pre").text == "priority: sometimes"
    assert answer.headers["location"] == f"/jobs/{job.id}"
    assert reader.open(f"/jobs/{job.id}").select_one("#mistake") is None
    assert path.read_text() == before
    (aside,) = [each for each in (world.folder / "data" / "quarantine").rglob("*") if each.is_file()]
    assert "priority: sometimes" in aside.read_text()


def test_an_edit_by_hand_is_told_on_the_page_of_its_job(make_world):
    world = make_world()
    job = world.a_job("photos")
    (path,) = files_of(world, 1)
    path.write_text(path.read_text().replace("name: photos", "name: holidays"))
    manager = world.house.service.manager
    wait_for(world, lambda: manager.job(job.id).job.name == "holidays")
    wait_for(world, lambda: world.house.outside.change_of(manager.job(job.id).job))

    page = reading(world.signed_in()).open(f"/jobs/{job.id}")

    facts = words(page.select_one('[aria-labelledby="set"]'))
    assert "Last changed just now , in its file" in facts
    assert "holidays" in facts


def test_a_file_that_is_no_job_is_put_aside_on_the_page_of_the_store(make_world):
    world = make_world()
    stray = world.folder / "data" / "jobs" / "notes.yaml"
    stray.write_text("name: [\n")
    wait_for(world, lambda: world.house.service.manager.mistakes)
    reader = reading(world.signed_in())
    row = reader.open("/store").select_one('[aria-labelledby="wrong"] li')

    reader.send(row.select_one("form"))
    page = reader.open("/store")

    assert "jobs/notes.yaml, line 2" in words(row)
    assert words(row.select_one("button")) == "Put it aside"
    assert not stray.exists()
    assert page.select_one('[aria-labelledby="wrong"]') is None
    assert "notes" in words(page.select_one('[aria-labelledby="aside"]'))


def test_files_that_are_gone_at_once_are_written_back_on_the_page_of_the_store(make_world):
    world = make_world()
    for number in range(6):
        world.a_job(f"photos {number}")
    jobs = world.folder / "data" / "jobs"
    paths = files_of(world, 6)
    for path in paths[:5]:
        path.unlink()
    wait_for(world, lambda: ALL_GONE in world.house.service.manager.mistakes)
    reader = reading(world.signed_in())
    rows = reader.open("/store").select('[aria-labelledby="wrong"] li')
    (row,) = [row for row in rows if row.select_one("form")]

    reader.send(row.select_one("form"))

    assert words(row.select_one("button")) == "Write the files back"
    assert sorted(jobs.rglob("*.yaml")) == paths
    assert world.house.service.manager.list_jobs().total == 6
    assert not world.house.service.manager.mistakes
