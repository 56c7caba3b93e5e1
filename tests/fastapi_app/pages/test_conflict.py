"""Two versions of a job side by side."""

import pytest

from core.drafts import JobPatch
from core.events import JobChangedOutside
from core.models import Priority
from tests.fastapi_app.pages.conftest import words


@pytest.fixture
def job(world):
    return world.a_job("photos")


@pytest.fixture
def theirs(world, job):
    """Save as somebody else; returns the new version."""
    manager = world.house.service.manager
    return lambda **changes: manager.edit(job.id, JobPatch(**changes), version=None)


@pytest.fixture
def side_by_side(reader, job, theirs):
    """The page that compares what was typed with what was saved."""
    form = reader.open(f"/jobs/{job.id}/edit").select_one("#job-form")
    theirs(name="family", priority=Priority.HIGH)
    return reader.read(reader.send(form, **{"name": "holidays", "options.exclude": "*.tmp\n*.bak"}))


def rows_of(table):
    return {
        words(row.select_one("th")): tuple(words(cell) for cell in row.select("td"))
        for row in table.select("tbody tr")
    }


def test_what_differs_between_two_versions_is_marked_field_by_field(reader, side_by_side):
    conflict = side_by_side.select_one("#conflict")
    differing, alike = conflict.select("table")

    assert reader.status == 409
    assert rows_of(differing) == {
        "Name differs": ("holidays", "family"),
        "Leave out differs": ("*.tmp *.bak", "nothing"),
        "When slots are short differs": ("Normal", "High: before normal ones"),
    }
    assert {"Source", "Destination", "Tags"} <= rows_of(alike).keys()
    assert not alike.select(".st")
    assert "You began at version 1; version 2 was saved" in words(conflict)


def test_mine_is_put_over_theirs_by_one_press_without_scripts(world, reader, job, side_by_side):
    button = side_by_side.select_one("#conflict button")
    form = side_by_side.select_one(f"#{button['form']}")

    answer = reader.send(form, button)

    kept = world.house.service.manager.job(job.id).job
    assert answer.status_code == 303
    assert (kept.version, kept.name, kept.priority) == (3, "holidays", Priority.NORMAL)
    assert kept.options["exclude"] == ("*.tmp", "*.bak")


def test_theirs_is_kept_by_one_press_without_scripts(world, reader, job, side_by_side):
    page = reader.open(side_by_side.select_one("#conflict footer a")["href"])

    assert words(page.select_one("h1")) == "family"
    assert world.house.service.manager.job(job.id).job.version == 2


def test_a_third_change_while_two_versions_are_compared_is_shown_too(
    world, reader, job, theirs, side_by_side
):
    theirs(name="third")

    page = reader.read(reader.send(side_by_side.select_one("#job-form")))

    assert reader.status == 409
    assert rows_of(page.select_one("#conflict table"))["Name differs"] == ("holidays", "third")
    assert "You began at version 2; version 3 was saved" in words(page.select_one("#conflict"))
    assert world.house.service.manager.job(job.id).job.name == "third"


def test_a_conflict_says_that_the_other_version_came_from_the_file(world, reader, job, theirs, side_by_side):
    saved = theirs(name="third")
    world.house.outside.take(JobChangedOutside(job=saved, changes=("name family -> third",)))

    page = reader.read(reader.send(side_by_side.select_one("#job-form")))

    assert "version 3 was saved in its file just now" in words(page.select_one("#conflict"))


def test_two_versions_that_say_the_same_are_told_so(reader, job, theirs):
    form = reader.open(f"/jobs/{job.id}/edit").select_one("#job-form")
    theirs(name="family")

    page = reader.read(reader.send(form, name="family"))

    assert reader.status == 409
    assert "Both say the same now." in words(page.select_one("#conflict"))
