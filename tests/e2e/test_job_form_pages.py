"""What somebody types into the form of a job, in a real browser."""

import re

from playwright.sync_api import expect

from tests.e2e.conftest import NAME, PASSWORD


def name_field(page):
    return page.get_by_label("Name", exact=True)


def type_name(page, name):
    """Type a name, and wait until what is sent on leaving the field has been answered."""
    with page.expect_response("**/jobs/check"):
        name_field(page).fill(name)
    name_field(page).blur()
    page.wait_for_load_state("networkidle")


def sign_in(page):
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/jobs/new")


def test_a_draft_waits_for_its_writer_who_signs_out_and_in_again(stranger):
    stranger.goto("/jobs/new")
    sign_in(stranger)
    type_name(stranger, "half a thought")
    stranger.get_by_role("button", name=re.compile("sign out")).click()
    stranger.get_by_role("button", name="Sign out", exact=True).click()
    expect(stranger.get_by_label("Password")).to_be_visible()

    stranger.goto("/jobs/new")
    sign_in(stranger)

    expect(name_field(stranger)).to_have_value("half a thought")
    expect(stranger.get_by_text("Your draft is as you left it.")).to_be_visible()


def test_a_form_that_was_changed_is_not_left_without_a_word(page):
    asked = []

    def stay(dialog):
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.goto("/jobs/new")
    page.goto("/jobs/new?kind=rsync")
    untouched = list(asked)
    type_name(page, "half a thought")

    expect(page.locator("#unsaved")).to_be_visible()
    page.get_by_role("link", name="Schedules").first.click()
    expect(name_field(page)).to_have_value("half a thought")

    assert (untouched, asked) == ([], ["beforeunload"])


def test_another_kind_begins_with_what_was_typed(page):
    page.goto("/jobs/new")
    type_name(page, "to somewhere else")

    page.locator(".kinds a", has_text="rsync").first.click()

    page.wait_for_url("**kind=rsync")
    expect(name_field(page)).to_have_value("to somewhere else")


def test_what_is_to_be_fixed_leads_to_its_field(page):
    page.goto("/jobs/new")
    page.get_by_text("If it fails").click()
    page.get_by_label("First wait").fill("soon")
    page.get_by_label("First wait").blur()
    expect(page.locator("#to-fix")).to_contain_text("1 field to fix first: First wait")
    page.get_by_text("If it fails").click()

    page.locator("#to-fix a").click()

    expect(page.get_by_label("First wait")).to_be_focused()


def test_a_rhythm_and_a_tag_are_filled_in_with_one_click(page):
    page.goto("/jobs/new")
    page.get_by_role("button", name="Weekdays at 18:00").click()

    expect(page.locator("#schedule-times")).to_have_value("18:00")
    expect(page.locator("#due li")).to_have_count(10)
