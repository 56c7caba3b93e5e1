"""Every page by keyboard alone, without scripts, and without colour."""

import pytest
from playwright.sync_api import expect

from tests.e2e.every_page import LOOKS
from tests.e2e.scenes import WIDTHS, arrive, look_at, looking

FILLED = [page for page, scene in LOOKS if scene == "filled"]
MOST_STEPS = 400

STEP = """() => {
  const here = document.activeElement;
  const box = here.getBoundingClientRect();
  const style = getComputedStyle(here);
  const around = here.closest("label, .toggle") ?? here;
  const ring = [here, around].some((one) => {
    const look = getComputedStyle(one);
    return (look.outlineStyle !== "none" && parseFloat(look.outlineWidth) > 0) || look.boxShadow !== "none";
  });
  const gone = here === document.body || here === document.documentElement;
  return {
    gone,
    seen: gone || (box.width > 0 && box.height > 0 && style.visibility === "visible" && ring),
    what: here.outerHTML.slice(0, 160),
    path: gone ? "" : (here.__step ??= Math.random()).toString(),
  };
}"""

WORDLESS = """() => [...document.querySelectorAll("main .st[data-st]")]
  .filter((mark) => mark.checkVisibility({ visibilityProperty: true }))
  .filter((mark) => !mark.querySelector("svg use") || !(mark.innerText.trim() || mark.closest("[aria-label]")))
  .map((mark) => mark.outerHTML.slice(0, 200))"""


@pytest.fixture(params=FILLED, ids=lambda page: page.name)
def here(request, watch):
    """A page of the filled scene."""
    watch.expected += [str(request.param.status)] if request.param.status != 200 else []
    return request.param


def test_every_stop_of_the_keyboard_is_seen_and_statuses_have_shape_and_word(browser, scenes, watch, here):
    scene = scenes("filled")
    with looking(browser, scene, watch, person="" if here.stranger else "ada") as page:
        arrive(page, scene.address(here))
        wordless = page.evaluate(WORDLESS)

        stops = []
        for _ in range(MOST_STEPS):
            page.keyboard.press("Tab")
            stop = page.evaluate(STEP)
            if stop["gone"] or stop["path"] in {before["path"] for before in stops}:
                break
            stops.append(stop)

    assert stops
    assert [stop["what"] for stop in stops if not stop["seen"]] == []
    assert wordless == []
    if not here.stranger:
        assert "skip" in stops[0]["what"]


def test_every_page_can_be_read_without_scripts(browser, scenes, watch):
    scene = scenes("filled")
    watch.expected.append("404")

    bare = {}
    with (
        looking(browser, scene, watch) as full,
        looking(browser, scene, watch, java_script_enabled=False) as plain,
    ):
        for here in FILLED:
            if not here.stranger:
                full.goto(scene.address(here))
                plain.goto(scene.address(here), wait_until="commit")
                bare[here.name] = len(words(plain)) / max(1, len(words(full)))

    assert {name: share for name, share in bare.items() if share < 0.9} == {}


def words(page) -> list[str]:
    return page.locator("main").inner_text().split()


def test_a_menu_and_the_palette_open_close_and_give_the_focus_back(browser, scenes, watch):
    scene = scenes("filled")
    with looking(browser, scene, watch) as page:
        arrive(page, "/")
        person = page.locator("[popovertarget=person]")
        person.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#person")).to_be_visible()

        page.keyboard.press("Escape")

        expect(page.locator("#person")).to_be_hidden()
        expect(person).to_be_focused()
        page.keyboard.press("Control+k")
        dialog = page.locator("dialog[open]")
        expect(dialog).to_be_visible()
        for _ in range(12):
            page.keyboard.press("Tab")
            assert page.evaluate(
                "document.activeElement === document.body || Boolean(document.activeElement.closest('dialog[open]'))"
            )
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(person).to_be_focused()


def test_the_skip_link_leads_to_the_content(browser, scenes, watch):
    with looking(browser, scenes("filled"), watch) as page:
        arrive(page, "/jobs")

        page.keyboard.press("Tab")
        page.keyboard.press("Enter")

        expect(page.locator("#main")).to_be_focused()


def test_what_opens_on_a_page_can_be_used_by_everybody(browser, scenes, watch):
    from tests.e2e.scenes import faults_by_axe  # noqa: PLC0415

    with looking(browser, scenes("filled"), watch) as page:
        arrive(page, "/jobs")
        faults = []
        for width in WIDTHS:
            look_at(page, "light", width)
            page.evaluate("document.getElementById('person').showPopover()")
            faults += faults_by_axe(page, f"{width}: an open menu")
            page.evaluate("document.getElementById('person').hidePopover()")
            page.keyboard.press("Control+k")
            expect(page.locator("dialog[open]")).to_be_visible()
            faults += faults_by_axe(page, f"{width}: the palette")
            page.keyboard.press("Escape")
            expect(page.locator("dialog[open]")).to_have_count(0)
            page.keyboard.press("?")
            expect(page.locator("dialog[open]")).to_be_visible()
            faults += faults_by_axe(page, f"{width}: the help sheet")
            page.keyboard.press("Escape")
            row = page.locator("#list tbody button[aria-expanded]").first
            if row.get_attribute("aria-expanded") == "false":
                row.click()
            expect(page.locator("#list .more:visible").first).to_be_visible()
            faults += faults_by_axe(page, f"{width}: an open row")

    assert faults == []
