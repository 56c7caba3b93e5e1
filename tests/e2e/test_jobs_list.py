"""The list of jobs in a real browser: what somebody does in it outlives what happens meanwhile."""

import re

import pytest
from playwright.sync_api import expect

MAKE = """async ([word, many]) => {
  const headers = { "X-CSRF-Token": document.querySelector('meta[name="csrf-token"]').content,
                    "Content-Type": "application/json" };
  for (let number = 0; number < many; number += 1) {
    const body = JSON.stringify({ name: `${word} ${number}`, kind: "command", options: { argv: ["sleep", "0.2"] } });
    await fetch("/api/v1/jobs", { method: "POST", headers, body });
  }
}"""


@pytest.fixture
def listed(page):
    """A page that lists five jobs of a word of their own."""

    def make(word: str):
        page.goto("/jobs?all=1")
        page.evaluate(MAKE, [word, 5])
        page.goto(f"/jobs?q={word}&sort=name")
        return page

    return make


def row(page, name):
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def test_an_open_row_a_selection_and_a_menu_outlive_updates(listed):
    page = listed("steadfast")
    details = row(page, "steadfast 1").get_by_role("button", name="Details of")
    details.click()
    expect(page.locator(".more")).to_contain_text("It has never run.")
    row(page, "steadfast 2").get_by_role("checkbox").check()
    row(page, "steadfast 3").get_by_role("button", name="Actions for").click()

    for name in ("steadfast 1", "steadfast 2", "steadfast 3"):
        job = row(page, name).get_attribute("id").removeprefix("row-")
        page.evaluate(
            """(job) => fetch(`/api/v1/jobs/${job}/runs`, { method: "POST", headers: {
              "X-CSRF-Token": document.querySelector('meta[name="csrf-token"]').content } })""",
            job,
        )
    for name in ("steadfast 1", "steadfast 2", "steadfast 3"):
        expect(row(page, name).locator(".st")).to_have_text("Good", timeout=30_000)

    expect(details).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".more")).to_contain_text("It has never run.")
    expect(row(page, "steadfast 2").get_by_role("checkbox")).to_be_checked()
    expect(page.locator("#row-menu")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#row-menu")).to_be_hidden()
    expect(row(page, "steadfast 3").get_by_role("button", name="Actions for")).to_be_focused()


def test_rows_are_chosen_together_and_what_was_done_is_taken_back(listed):
    page = listed("together")
    row(page, "together 0").get_by_role("checkbox").check()
    row(page, "together 3").get_by_role("checkbox").click(modifiers=["Shift"])
    expect(page.locator("[data-picked]")).to_have_text("4")

    page.locator("#bulk").get_by_role("button", name="Delete").click()
    page.get_by_label(re.compile("Type 4")).fill("4")
    page.get_by_role("button", name="Delete 4 jobs").click()
    expect(page.locator("#list .st", has_text="Deleting")).to_have_count(4)
    page.locator("#toasts").get_by_role("button", name="Undo").click()

    expect(page.locator("#toasts")).to_contain_text("Taken back for 4 of 4 jobs.")
    expect(page.locator("#list .st", has_text="Never run")).to_have_count(5)


def test_a_job_is_deleted_in_its_row_and_kept_after_all(listed):
    page = listed("regretted")
    row(page, "regretted 1").get_by_role("button", name="Actions for").click()
    page.locator("#row-menu").get_by_role("button", name="Delete").click()
    expect(row(page, "regretted 1").locator(".st")).to_have_text("Deleting")

    row(page, "regretted 1").get_by_role("button", name="Undo").click()

    expect(row(page, "regretted 1").locator(".st")).to_have_text("Never run")
    expect(page).to_have_url(re.compile("q=regretted"))


def test_who_takes_one_out_of_all_that_match_does_not_mean_all(listed):
    page = listed("numerous")
    page.evaluate(MAKE, ["numerous more", 50])
    page.reload()
    row(page, "numerous 0").get_by_role("checkbox").check()
    every = page.get_by_label("All 55 that match")
    every.check()
    expect(page.locator("[data-picked]")).to_have_text("55")
    expect(row(page, "numerous 1").get_by_role("checkbox")).to_be_checked()

    row(page, "numerous 1").get_by_role("checkbox").uncheck()

    expect(every).not_to_be_checked()
    expect(page.locator("[data-picked]")).to_have_text("49")
    page.locator("#bulk").get_by_role("button", name="More to do").click()
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Switch off: 49 jobs")
