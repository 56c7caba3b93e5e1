"""What is kept, mistakes in files and two versions of a job, in a real browser."""

import os
import re
import threading
import time

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.e2e.test_pages_live import folders, make_job

__all__ = ["folders"]

SIZES = ((1440, "light"), (360, "dark"))
AT_LAST = 45_000
"""Milliseconds after which every file has been looked at, also where the system told nothing."""


@pytest.fixture
def name():
    return f"photos {os.urandom(4).hex()}"


@pytest.fixture
def job(page, folders, name):
    """The page of a job that never ran, open."""
    return make_job(page, folders, name, start=False)


@pytest.fixture
def file(server, job):
    """The file of that job."""
    return file_of(server, job)


def file_of(server, address):
    """Return the file of the job with this page, once Holdfast has let go of it."""
    job_id, until = address.rpartition("/")[2], time.monotonic() + 20
    while time.monotonic() < until:
        for path in (server.data / "jobs").rglob(f"*-{job_id[:8]}.yaml"):
            if time.time() - path.stat().st_mtime > 0.5:
                return path
        threading.Event().wait(0.05)
    raise AssertionError("The job has no file.")


def assert_fit(page, width):
    found = Axe().run(page)["violations"]
    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "theme"), SIZES)
def test_the_store_page_is_for_everybody_and_fits(new_page, folders, width, theme):
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    make_job(page, folders, "kept")

    page.goto("/store")

    expect(page.get_by_role("heading", name="What Holdfast keeps")).to_be_visible()
    expect(page.locator("table")).to_contain_text("Journal")
    assert_fit(page, width)


def test_a_backup_is_made_by_a_press_on_the_page(page, job):
    page.goto("/store")
    page.get_by_role("button", name="Back up now").click()

    expect(page.get_by_text("Backed up, read back and found whole.")).to_be_visible()
    expect(page.locator(".kv").first).to_contain_text("Read back and whole")


@pytest.mark.parametrize(("width", "theme"), SIZES)
def test_pages_count_what_needs_somebody(new_page, folders, server, name, width, theme):
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    address = make_job(page, folders, name, start=False)
    path = file_of(server, address)
    good = path.read_text()
    page.evaluate("window.notReloaded = true")

    path.write_text(good.replace("priority: normal", "priority: sometimes"))

    banner = page.locator("#mistake")
    expect(banner).to_contain_text("priority: sometimes", timeout=AT_LAST)
    expect(banner).to_contain_text(re.compile(r"line \d+, column \d+"))
    counted = page.locator(".count:visible", has=page.locator('[data-c="problems"]'))
    expect(counted).to_contain_text("1", timeout=AT_LAST)
    assert_fit(page, width)

    path.write_text(good)

    expect(banner).to_have_count(0, timeout=AT_LAST)
    expect(counted).to_have_count(0, timeout=AT_LAST)
    assert page.evaluate("window.notReloaded")


def test_a_mistake_is_discarded_by_a_press_on_the_page(page, job, file):
    good = file.read_text()
    file.write_text(good.replace("priority: normal", "priority: [normal"))
    expect(page.locator("#mistake")).to_be_visible(timeout=AT_LAST)

    page.get_by_role("button", name="Discard my edit").click()

    expect(page.locator("#mistake")).to_have_count(0)
    assert file.read_text() == good
    page.goto("/store")
    expect(page.get_by_role("heading", name="Put aside", exact=True)).to_be_visible()


def test_an_edit_by_hand_appears_on_the_open_page(page, job, file):
    page.evaluate("window.notReloaded = true")

    file.write_text(file.read_text().replace("name: photos", "name: holidays"))

    expect(page.get_by_role("heading", level=1)).to_contain_text("holidays", timeout=AT_LAST)
    expect(page.get_by_text("in its file", exact=False).first).to_be_visible()
    assert page.evaluate("window.notReloaded")


@pytest.mark.parametrize(("width", "theme"), SIZES)
def test_two_versions_stand_side_by_side(new_page, folders, watch, name, width, theme):
    watch.expected.append("409")
    page, other = new_page(viewport={"width": width, "height": 900}, color_scheme=theme), new_page()
    address = make_job(page, folders, name, start=False)
    page.goto(f"{address}/edit")
    page.get_by_label("Name", exact=True).fill("mine")
    other.goto(f"{address}/edit")
    other.get_by_label("Name", exact=True).fill("theirs")
    other.get_by_role("button", name="Save changes").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("theirs")

    page.get_by_role("button", name="Save changes").click()

    row = page.locator("#conflict tr", has_text="Name").first
    expect(row).to_contain_text("mine")
    expect(row).to_contain_text("theirs")
    expect(page.get_by_label("Name", exact=True)).to_have_value("mine")
    assert_fit(page, width)

    page.get_by_role("button", name="Put mine over theirs").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("mine")
