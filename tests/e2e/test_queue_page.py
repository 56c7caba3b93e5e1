"""The queue in a real browser: paused, reordered and let go, and nobody is hindered by it."""

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.e2e.test_pages_live import folders, make_job

__all__ = ["folders"]

SIZES = ((1440, "light"), (390, "dark"))


@pytest.fixture
def paused(make_server, new_page, folders):
    """A page of a server of its own, with a paused queue that two runs wait in."""
    page = new_page(make_server())
    page.goto("/queue")
    page.get_by_role("button", name="Pause the queue").click()
    page.get_by_label("Why").fill("moving house")
    page.locator("#pause-all").get_by_role("button", name="Pause the queue").click()
    expect(page.locator("h1")).to_have_text("The queue is paused.")
    for name in ("first", "second"):
        make_job(page, (folders[0], folders[1].with_name(name)), name)
    page.goto("/queue")
    return page


def test_a_paused_queue_is_reordered_and_let_go(paused):
    rows = paused.locator("#queue-line li")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("The queue is paused by ada since")

    paused.get_by_label("Priority of second", exact=True).select_option("high")
    paused.get_by_label("Set the priority of second").click()
    expect(rows.first.locator(".name")).to_have_text("second")
    paused.get_by_role("button", name="Resume the queue").click()

    expect(rows).to_have_count(0, timeout=20_000)
    expect(paused.locator("h1")).not_to_have_text("The queue is paused.")


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_the_queue_hinders_nobody(paused, width, scheme):
    paused.set_viewport_size({"width": width, "height": 844})
    paused.emulate_media(color_scheme=scheme)
    paused.goto("/queue")

    found = Axe().run(paused)["violations"]

    assert paused.evaluate("document.documentElement.scrollWidth") <= width
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
