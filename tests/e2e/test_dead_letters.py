"""Failed runs in a real browser: found, asked about, requeued and given up."""

import os
import shutil

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.e2e.test_pages_live import folders, make_job

__all__ = ["folders"]


@pytest.fixture
def name():
    return f"photos {os.urandom(4).hex()}"


@pytest.fixture
def failed(page, folders, name):
    """The address of a job whose run failed: its source is gone."""
    address = make_job(page, folders, name, start=False)
    shutil.rmtree(folders[0])
    page.goto(address)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("#outcome")).to_be_visible(timeout=20_000)
    return address


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (360, "dark")])
def test_the_page_of_failed_runs_is_for_everybody_and_fits(failed, new_page, width, theme):
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=theme)

    page.goto("/dead-letters")

    violations = Axe().run(page)["violations"]
    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in violations] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_failed_run_is_given_up_after_a_question(failed, page, name):
    page.goto(f"/dead-letters?q={name}")
    row = page.locator("tbody tr", has_text=name)
    row.get_by_role("button", name="Discard").click()
    question = row.locator("[popover]")
    expect(question).to_contain_text("Give up this run?")

    question.get_by_label("Why").fill("The disk was swapped.")
    question.get_by_role("button", name="Discard").click()

    expect(page.get_by_text("1 failed run given up")).to_be_visible()
    expect(page.locator("tbody tr", has_text=name)).to_have_count(0)
    expect(page.locator("#q")).to_have_value(name)
