"""Who is told what happened, chosen and seen in a real browser; the receiver is real too."""

import os
import time

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.core.notifications.conftest import answering, receiving
from tests.e2e.test_pages_live import folders, make_job

__all__ = ["folders"]

SIZES = ((1440, "light"), (390, "dark"))


@pytest.fixture
def name():
    return f"ops {os.urandom(3).hex()}"


def assert_fit(page, width):
    found = Axe().run(page)["violations"]
    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "theme"), SIZES)
def test_a_channel_and_a_rule_are_made_and_tried_in_the_browser(new_page, folders, name, width, theme):
    page = new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    with receiving(answering()) as receiver:
        page.goto("/notifications")
        summary = page.get_by_text("Add a channel", exact=True)
        if not page.get_by_label("Name", exact=True).is_visible():
            summary.click()
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Address", exact=True).fill(receiver.url)
        page.get_by_role("button", name="Add channel").click()
        expect(page.locator(".cmd")).to_contain_text("whsec_")
        page.get_by_role("button", name=f"Send a test through {name}").click()

        expect(page.get_by_role("status").filter(has_text="The receiver answered 204.")).to_be_visible()
        assert len(receiver.requests) == 1

    page.goto("/notifications")
    page.get_by_text("Add a rule", exact=True).click()
    page.get_by_label("Quiet from").fill("22:00")
    page.get_by_label("Quiet to").fill("07:00")
    assert_fit(page, width)
    page.get_by_role("button", name="Add rule").click()
    expect(page.locator("section[aria-labelledby=rules]")).to_contain_text("quiet from 22:00 to 07:00")
    page.get_by_role("button", name=f"Remove {name} and what waits for it").click()

    expect(page.locator("section[aria-labelledby=channels]")).not_to_contain_text(name)


def open_once_told(page, words):
    """Open the notifications once they say so; they are written a moment after what they tell of."""
    until = time.monotonic() + 30
    page.goto("/notifications")
    while not page.get_by_text(words).count() and time.monotonic() < until:
        page.reload()


def test_the_bell_counts_what_was_not_seen(page, folders):
    make_job(page, folders, "counted")

    expect(page.get_by_text("Verified", exact=True).first).to_be_visible(timeout=30_000)
    open_once_told(page, "counted succeeded, its first run")
    expect(page.get_by_text("counted succeeded, its first run").first).to_be_visible()
    page.get_by_role("button", name="Mark all as read").click()

    expect(page.get_by_text("You have seen everything.")).to_be_visible()
    expect(page.locator(".bell")).to_have_accessible_name("Notifications")
