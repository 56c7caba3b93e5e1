"""Every page, empty and filled, in both themes, on a desk and on a phone."""

import subprocess
from pathlib import Path

import httpx
import pytest

from tests.e2e.every_page import LOOKS, Page
from tests.e2e.scenes import NARROWEST, THEMES, WIDTHS, arrive, faults_by_axe, look_at, looking

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=LOOKS, ids=lambda look: f"{look[0].name}-{look[1]}")
def look(request, scenes):
    """A page in one of the scenes."""
    page, name = request.param
    return page, scenes(name)


def test_every_page_can_be_used_by_everybody_as_it_is_and_as_it_is_filled(browser, look, watch):
    here, scene = look
    watch.expected += [str(here.status)] if here.status != 200 else []

    with looking(browser, scene, watch, person="" if here.stranger else "ada") as page:
        answer = arrive(page, scene.address(here))
        faults = [] if answer.status == here.status else [f"it answered {answer.status}"]
        faults += faults_of_the_outline(page)
        for width in WIDTHS:
            look_at(page, THEMES[0], width)
            faults += faults_by_axe(page, f"{width} px")
            look_at(page, THEMES[1], width)
            faults += faults_by_axe(page, f"{width} px, dark", ["color-contrast"])
            faults += faults_of_the_width(page, width)
        faults += faults_of_the_width(page, NARROWEST)
        faults += [f"violates the policy: {words}" for words in page.evaluate("violations")]

    assert not faults, "\n".join(faults)


def faults_of_the_outline(page) -> list[str]:
    """Return what is wrong with the title and the heading."""
    headings, title = page.locator("h1").count(), page.title()
    faults = [] if headings == 1 else [f"it has {headings} first headings"]
    return (
        faults
        if title.strip(" ·") not in {"", "Holdfast · Holdfast"}
        else [*faults, f"its title is {title!r}"]
    )


def faults_of_the_width(page, width: int) -> list[str]:
    """Return how far the page goes beyond its window, if it does."""
    page.set_viewport_size({"width": width, "height": 900})
    goes_to = page.evaluate("document.documentElement.scrollWidth")
    return [] if goes_to <= width else [f"it is {goes_to} px wide in a window of {width} px"]


def test_the_markup_of_every_page_is_valid(scenes, tmp_path):
    for page, name in LOOKS:
        save(page, scenes(name), tmp_path)

    done = subprocess.run(
        [
            ROOT / ".ci/html-validate",
            "--config",
            ROOT / "tests/e2e/markup.json",
            "--formatter",
            "stylish",
            tmp_path,
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def save(page: Page, scene, folder: Path) -> None:
    """Write a page down as the server answers it."""
    cookies = {} if page.stranger else {"holdfast_session": scene.cookie()}
    answer = httpx.get(scene.url + scene.address(page), cookies=cookies)
    assert answer.status_code == page.status, page.name
    (folder / f"{page.name}-{scene.name}.html").write_text(answer.text)
