"""What happened and who asked for it, in a real browser."""

import re

from playwright.sync_api import expect


def test_a_person_finds_what_happened_and_verifies_the_audit(page, server):
    page.goto(f"{server.url}/audit")
    page.get_by_role("link", name="Verify").click()

    expect(page.get_by_role("heading", name="Verified")).to_be_visible()
    expect(page.get_by_text(re.compile(r"each is as it was written"))).to_be_visible()

    page.get_by_role("navigation", name="Main").get_by_role("link", name="Events").click()
    page.get_by_label("Search events").fill("no such word at all")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("No event matches.")).to_be_visible()
    page.get_by_role("link", name="Clear").click()
    expect(page).to_have_url(f"{server.url}/events")

    with page.expect_download() as handed:
        page.get_by_role("link", name="CSV").click()
    assert handed.value.suggested_filename == "events.csv"


def test_the_pages_of_events_fit_a_phone(page, server):
    page.set_viewport_size({"width": 390, "height": 800})
    for path in ("/events", "/audit?verify=1"):
        page.goto(f"{server.url}{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
