"""Every page looks as it did when somebody last said that it looks right.

`make pictures` keeps what pages look like now. What a failed comparison shows lies in the folder that it names.
"""

import io
import json
import tempfile
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e import comparing
from tests.e2e.every_page import LOOKS
from tests.e2e.scenes import THEMES, WIDTHS, arrive, look_at, looking, steady

FOLDER = Path(__file__).parent / "pictures"
MADE_WITH = FOLDER / "made-with.json"
SHOWN_BELOW = Path(tempfile.gettempdir()) / "holdfast-pictures"
ONE = ((WIDTHS[0], THEMES[0]),)
FOUR = tuple((width, theme) for width in WIDTHS for theme in THEMES)


@pytest.fixture(params=LOOKS, ids=lambda look: f"{look[0].name}-{look[1]}")
def look(request, scenes):
    """A page in one of the scenes."""
    page, name = request.param
    return page, scenes(name)


@pytest.fixture
def limits(browser):
    """How much may differ: the same browser draws the same."""
    made_with = json.loads(MADE_WITH.read_text())["chromium"] if MADE_WITH.exists() else ""
    return comparing.SAME_BROWSER if browser.version == made_with else comparing.OTHER_BROWSER


def test_a_page_looks_as_it_did(browser, look, watch, limits, pytestconfig):
    here, scene = look
    watch.expected += [str(here.status)] if here.status != 200 else []

    with looking(browser, scene, watch, person="" if here.stranger else "ada") as page:
        arrive(page, scene.address(here))
        steady(page, here, scene)
        taken = {
            f"{here.name}-{scene.name}-{width}-{theme}": take(page, theme, width)
            for width, theme in (FOUR if scene.name == "filled" else ONE)
        }

    if pytestconfig.getoption("--renew-pictures"):
        renew(taken, browser.version)
    faults = [fault for name, picture in taken.items() if (fault := fault_of(name, picture, limits))]
    assert not faults, "\n".join(faults)


CHANGES = {
    "a panel that stands 8 px lower": "document.querySelector('main .panel').style.translate = '0 8px'",
    "a word that is gone": "document.querySelector('main h1').style.visibility = 'hidden'",
    "a small sentence that is gone": "document.querySelector('main .head p').style.visibility = 'hidden'",
    "another accent": "document.documentElement.style.setProperty('--accent', 'light-dark(#7a3fc0, #b58cf0)')",
    "another paper": "document.documentElement.style.setProperty('--paper', 'light-dark(#f6efe2, #000000)')",
    "an icon that is gone": "document.querySelector('main svg').style.visibility = 'hidden'",
}


@pytest.mark.parametrize("address", ["/", "/queue"])
@pytest.mark.parametrize("width", WIDTHS)
def test_what_a_person_would_notice_is_found_by_any_browser(browser, scenes, watch, address, width):
    scene = scenes("filled")
    with looking(browser, scene, watch) as page:
        arrive(page, address)
        before = take(page, THEMES[0], width)

        found = {}
        for change, does in CHANGES.items():
            was = page.evaluate(f"() => {{ {does}; }}")
            found[change] = comparing.difference(before, take(page, THEMES[0], width))
            assert was is None
            page.evaluate(
                "for (const one of document.querySelectorAll('[style]')) one.removeAttribute('style')"
            )
        again = comparing.difference(before, take(page, THEMES[0], width))

    assert not again.beyond(comparing.SAME_BROWSER)
    missed = {
        change: apart[:2] for change, apart in found.items() if not apart.beyond(comparing.OTHER_BROWSER)
    }
    assert not missed


def take(page, theme: str, width: int) -> Image.Image:
    """Return what the page looks like, from its top down to where nobody scrolls any more."""
    look_at(page, theme, width)
    height = min(comparing.MOST_HEIGHT, page.evaluate("document.documentElement.scrollHeight"))
    page.set_viewport_size({"width": width, "height": height + height % 2})
    page.evaluate("new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(seen)))")
    return comparing.reduced(Image.open(io.BytesIO(page.screenshot(animations="disabled", caret="hide"))))


def fault_of(name: str, actual: Image.Image, limits: comparing.Limits) -> str:
    """Return how a picture differs from its reference, and where to look; empty where it does not."""
    path = FOLDER / f"{name}.webp"
    if not path.exists():
        return f"{name} has no reference; look at {comparing.show_beside(SHOWN_BELOW, name, None, actual, None)}, then `make pictures`."
    reference = Image.open(path).convert("RGB")
    apart = comparing.difference(reference, actual)
    if not apart.beyond(limits):
        return ""
    shown = comparing.show_beside(SHOWN_BELOW, name, reference, actual, apart)
    return f"{name} differs in {apart.share:.2f} of a thousand pixels, most strongly by {apart.worst:.1f}: see {shown}"


def renew(taken: dict[str, Image.Image], version: str) -> None:
    """Keep pictures as the references."""
    for name, picture in taken.items():
        comparing.keep(picture, FOLDER / f"{name}.webp")
    MADE_WITH.write_text(json.dumps({"chromium": version}) + "\n")
