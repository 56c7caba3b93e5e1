"""Jobs that follow one another, in a real browser."""

import os

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.e2e.test_pages_live import folders, make_job

__all__ = ["folders"]

SIZES = ((1440, "light"), (390, "dark"))


@pytest.fixture
def two(page, folders):
    """The addresses of two jobs, the second after the first; nothing was started."""
    name = f"first {os.urandom(4).hex()}"
    first = make_job(page, folders, name, start=False)
    page.goto("/jobs/new")
    page.get_by_label("Name", exact=True).fill("second")
    page.locator("#options-source").fill(str(folders[0]))
    page.locator("#options-destination").fill(f"{folders[1]}-second")
    page.get_by_role("heading", name="After other jobs").click()
    page.get_by_label("Begins after").fill(name[:9])
    page.locator("[data-writes]").filter(has_text=name).click()
    return first, name


def test_a_job_is_chosen_from_what_is_offered(page, two):
    _, name = two

    expect(page.get_by_label("Begins after")).to_have_value(name)
    expect(page.locator("#plan")).to_contain_text(f"Begins after “{name}”, when it has succeeded")
    page.get_by_role("button", name="Create", exact=True).click()

    expect(page.locator(".graph a[aria-current]")).to_contain_text("second")
    expect(page.locator(".graph")).to_contain_text(name)


def test_a_drawn_graph_changes_as_its_jobs_do(page, new_page, two):
    first, _ = two
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator(".graph")).to_be_visible()
    other = new_page()
    other.goto(first)

    other.get_by_role("button", name="Start", exact=True).click()

    for node in (page.locator(".graph a").nth(0), page.locator(".graph a").nth(1)):
        expect(node.locator(".word")).to_have_text("Verified", timeout=20_000)
    expect(page.locator(".head .st")).to_have_text("Verified")


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_a_graph_and_its_form_hinder_nobody(new_page, page, two, width, scheme):
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator(".graph")).to_be_visible()
    address = page.url
    looking = new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)

    for path in (address, f"{address}/edit"):
        looking.goto(path)
        looking.get_by_text("The same as a list").or_(
            looking.get_by_role("heading", name="What is expected")
        ).first.click()
        found = Axe().run(looking)["violations"]
        wide = looking.evaluate("document.documentElement.scrollWidth")

        assert not [(one["id"], one["nodes"][0]["html"]) for one in found]
        assert wide <= width
