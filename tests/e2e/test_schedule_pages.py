"""When jobs run, in a real browser."""

import re
import uuid

import pytest
from playwright.sync_api import expect

from tests.e2e.test_pages_live import folders
from tests.e2e.test_store_pages import assert_fit

__all__ = ["folders"]

SIZES = ((1440, "light"), (390, "dark"))


def begin_a_job(page, folders):
    """Open the form of a new job and fill in what it is; returns its name."""
    source, destination = folders
    name = f"nightly {uuid.uuid4().hex[:8]}"
    page.goto("/jobs/new")
    page.fill("#name", name)
    page.fill("#options-source", str(source))
    page.fill("#options-destination", str(destination))
    return name


def choose_nightly(page):
    page.select_option("#schedule-when", "times")
    page.fill("#schedule-times", "02:30")
    page.fill("#schedule-timezone", "Europe/Berlin")


def test_the_next_due_times_appear_while_a_schedule_is_typed(page, folders):
    begin_a_job(page, folders)

    choose_nightly(page)

    expect(page.locator("#truth-schedule-when")).to_have_text("Due every day at 02:30 (Europe/Berlin).")
    expect(page.locator("#due li")).to_have_count(10)
    expect(page.locator("#due li").first).to_have_text(re.compile(r"02:30:00 CES?T$"))
    expect(page.locator("#schedule-cron")).to_be_hidden()


def test_a_mistake_in_a_schedule_is_told_while_it_is_typed(page, folders):
    begin_a_job(page, folders)

    page.select_option("#schedule-when", "cron")
    page.fill("#schedule-cron", "0 0 31 2 *")

    expect(page.locator("#truth-schedule-cron")).to_contain_text("never comes")
    expect(page.locator("#due li")).to_have_count(0)


@pytest.mark.parametrize(("width", "theme"), SIZES)
def test_the_page_of_schedules_is_for_everybody_and_fits(new_page, folders, width, theme):
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    name = begin_a_job(page, folders)
    choose_nightly(page)
    expect(page.locator("#due li")).to_have_count(10)
    page.click("button[value=wait]:visible")
    expect(page.locator("#when")).to_be_visible()

    page.goto("/schedules?view=list")

    expect(page.locator(".rows .name", has_text=name)).to_be_visible()
    assert_fit(page, width)
    for view in ("timeline", "calendar"):
        page.goto(f"/schedules?view={view}")
        assert_fit(page, width)


def test_the_next_due_time_is_left_out_with_one_click(page, folders):
    name = begin_a_job(page, folders)
    choose_nightly(page)
    page.click("button[value=wait]:visible")
    page.goto("/schedules?view=list")
    row = page.locator(".rows li", has_text=name)

    row.get_by_role("button", name="Skip next").click()

    expect(row).to_contain_text("Left out")
    row.get_by_role("button", name="Keep it").click()
    expect(row).not_to_contain_text("Left out")


def test_a_row_of_the_schedules_changes_for_everybody_who_looks(page, new_page, folders):
    name = begin_a_job(page, folders)
    choose_nightly(page)
    page.click("button[value=wait]:visible")
    other = new_page()
    for each in (page, other):
        each.goto("/schedules?view=list")
    theirs = other.locator(".rows li", has_text=name)
    expect(other.locator("#conn")).to_contain_text("Live")

    page.locator(".rows li", has_text=name).get_by_role("button", name="Switch off").click()

    expect(theirs).to_contain_text("Switched off")


def test_the_timeline_is_drawn_in_the_zone_of_the_browser(new_page, folders):
    page = new_page(timezone_id="Asia/Tokyo")
    begin_a_job(page, folders)
    choose_nightly(page)
    page.click("button[value=wait]:visible")
    page.wait_for_url("**/jobs/*-*")
    page.goto("/schedules?view=timeline")

    page.reload()

    expect(page.locator("#schedules")).to_contain_text("Asia/Tokyo, where you are")
