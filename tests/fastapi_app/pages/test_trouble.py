"""A page says when changes cannot be kept."""

from datetime import timedelta

import pytest

from core.errors import HoldfastError, StorageFailed, StorageFull
from core.storage.base import Commitment
from core.storage.memory import MemoryStore
from core.storage.rows import Changes
from tests.fastapi_app.pages.conftest import Reader, words

FULL = StorageFull("The change could not be kept: there is no room left on the disk.")
READ_ONLY = StorageFailed("The change could not be kept: the disk is mounted read-only.")


class Disk(MemoryStore):
    """Refuses while it is told to, and is full once it has taken as many changes as it `takes`."""

    refuses: HoldfastError | None = None
    takes: int | None = None

    def submit(self, changes: Changes, note: object = None) -> Commitment:
        if self.takes is not None:
            self.takes -= 1
            self.refuses = FULL if self.takes < 0 else None
        if self.refuses:
            self.fail_next(self.refuses)
        return super().submit(changes, note)

    def check_writable(self) -> None:
        if self.refuses:
            raise self.refuses


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
def world(make_world, disk):
    return make_world(store=disk)


@pytest.fixture
def reader(world):
    return Reader(world.signed_in())


def bar(page):
    return page.select_one(".bar").text


def test_every_page_says_that_changes_cannot_be_kept_until_they_can(world, reader, disk):
    job = world.a_job("photos")
    of_the_job = (f"/jobs/{job.id}", f"/jobs/{job.id}/edit")
    of_mistakes = ("/jobs/nobody-knows-it", "/nowhere")
    pages = ("/", "/jobs", "/jobs/new", *of_the_job, "/store", *of_mistakes, "/api/docs")
    disk.refuses = FULL
    before = bar(reader.open("/"))
    refused = reader.browser.post(f"/jobs/{job.id}/start", headers={"Accept": "text/html"})
    meanwhile = {bar(reader.open(page)) for page in pages}
    listed = words(reader.open("/jobs"))
    disk.refuses = None
    world.clock.pass_by(timedelta(seconds=5))
    world.house.disk.look_again()
    after = {bar(reader.open(page)) for page in pages}

    assert before == ""
    assert refused.status_code == 507
    assert meanwhile == {"Changes cannot be kept: the disk is full. Reading works."}
    assert "photos" in listed
    assert after == {""}
    assert reader.browser.post(f"/jobs/{job.id}/start").status_code == 303


@pytest.mark.parametrize("address", ["/store/backup", "/api/v1/store/backup"])
def test_a_backup_that_fails_is_no_change_that_cannot_be_kept(world, reader, address):
    refused = reader.browser.post(address, headers={"Accept": "text/html"})

    assert refused.status_code == 503
    assert bar(reader.open("/")) == ""
    assert world.client.get("/readyz").status_code == 200


def test_a_stranger_learns_nothing_of_what_is_wrong_with_the_disk(world, reader, disk):
    job = world.a_job("photos")
    disk.refuses = FULL
    reader.browser.post(f"/jobs/{job.id}/start")

    stranger = world.client.get("/login", headers={"Accept": "text/html"})
    refused = world.client.post("/login", headers={"Accept": "text/html", "Origin": "http://elsewhere"})

    assert (stranger.status_code, refused.status_code) == (200, 403)
    assert "cannot be kept" not in stranger.text + refused.text


def test_another_reason_is_told_in_its_words(world, reader, disk):
    job = world.a_job()
    disk.refuses = READ_ONLY
    page = reader.read(reader.browser.post(f"/jobs/{job.id}/start", headers={"Accept": "text/html"}))

    assert reader.status == 503
    assert words(page.select_one("h1")) == "This could not be kept"
    assert "the disk is mounted read-only" in words(page.select_one("[data-problem]"))
    assert "Nothing of it happened." in words(page)
    assert bar(reader.open("/")) == "Changes cannot be kept: the disk is mounted read-only. Reading works."


def test_a_form_that_could_not_be_kept_comes_back_as_it_was_typed(world, reader, disk):
    form = reader.open("/jobs/new").select_one("#job-form")
    options = {f"options.{name}": value for name, value in world.options().items()}
    disk.refuses = FULL

    page = reader.read(reader.send(form, form.select_one("button[value=start]"), name="photos", **options))

    assert reader.status == 507
    assert "there is no room left on the disk" in words(page.select_one("[role=alert]"))
    assert page.select_one("#name")["value"] == "photos"
    assert page.select_one("#options-source")["value"] == options["options.source"]
    disk.refuses = None
    again = reader.send(page.select_one("#job-form"), page.select_one("button[value=wait]"))
    assert again.status_code == 303


def test_a_job_that_was_made_before_the_disk_filled_is_shown_and_not_asked_for_again(world, reader, disk):
    form = reader.open("/jobs/new").select_one("#job-form")
    options = {f"options.{name}": value for name, value in world.options().items()}
    disk.takes = 1

    answer = reader.send(form, form.select_one("button[value=start]"), name="photos", **options)
    (job,) = world.house.service.manager.list_jobs().items
    page = reader.open(f"/jobs/{job.job.id}")

    assert (answer.status_code, answer.headers["location"]) == (303, f"/jobs/{job.job.id}")
    assert bar(page) == "Changes cannot be kept: the disk is full. Reading works."
    assert "This job has never run." in words(page)


def test_an_edit_that_could_not_be_kept_comes_back_at_its_version(world, reader, disk):
    job = world.a_job("photos")
    form = reader.open(f"/jobs/{job.id}/edit").select_one("#job-form")
    disk.refuses = FULL
    page = reader.read(reader.send(form, name="family"))
    disk.refuses = None

    answer = reader.send(page.select_one("#job-form"))

    assert (reader.status, answer.status_code) == (507, 303)
    assert world.house.service.manager.job(job.id).job.name == "family"
