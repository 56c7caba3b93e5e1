"""Both scenes of every page, each served once for all tests that look at them, and a browser that stands still."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from axe_core_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect

from fastapi_app.templating import version_of_holdfast
from tests.e2e import cast, every_page
from tests.e2e.conftest import Watch
from tests.e2e.theatre import NOW, Theatre

WIDTHS: Final = (1440, 390)
THEMES: Final = ("light", "dark")
NARROWEST: Final = 360
GUIDELINES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

NOTE_VIOLATIONS: Final = """
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""

STEADY: Final = """([folder, port, volatile, host, version]) => {
  for (const element of document.querySelectorAll(volatile)) element.replaceChildren();
  for (const element of document.querySelectorAll("[data-weak]")) element.remove();
  const id = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
  const walk = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.data;
    const steady = text.replaceAll(folder, "/var/lib/holdfast").replaceAll(`:${port}`, ":8080")
      .replaceAll(`on ${host}, version ${version}`, "on keeper, version 1.0")
      .replace(id, "0f8fad5b-d9cb-469f-a165-70867728950e");
    if (steady !== text) walk.currentNode.data = steady;
  }
  for (const field of document.querySelectorAll("input:not([type=hidden]), textarea")) {
    const steady = field.value.replaceAll(folder, "/var/lib/holdfast");
    if (steady !== field.value) field.value = steady;
  }
}"""


@dataclass
class Scene:
    """A served Holdfast, the ids in it, and what its pages answered."""

    name: str
    theatre: Theatre
    ids: dict[str, str]
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.theatre.url

    def address(self, page: every_page.Page) -> str:
        return page.address.format(**self.ids)

    def cookie(self, person: str = "ada") -> str:
        if person not in self.cookies:
            self.cookies[person] = self.theatre.cookie(person)
        return self.cookies[person]


@contextmanager
def staged(name: str, folder: Path) -> Iterator[Scene]:
    """Serve a scene for as long as this lasts."""
    theatre = Theatre(folder)
    with theatre.open():
        yield Scene(name, theatre, FILLED_BY[name](theatre))


def _empty(theatre: Theatre) -> dict[str, str]:
    """Leave it as it is after the first account was made."""
    theatre.set_up()
    return _untouched(theatre)


def _untouched(theatre: Theatre) -> dict[str, str]:
    """Leave it as it is before the first account."""
    theatre.service.housekeeping.stop()
    theatre.service.rounds.stop()
    return {}


FILLED_BY: Final = {"filled": cast.fill, "empty": _empty, "untouched": _untouched}


@contextmanager
def looking(
    browser: Browser, scene: Scene, watch: Watch, *, person: str = "ada", **options: Any
) -> Iterator[Page]:
    """Open a page in a browser whose clock stands where the scene's does."""
    options = {"viewport": {"width": WIDTHS[0], "height": 900}, "reduced_motion": "reduce"} | options
    context = browser.new_context(base_url=scene.url, timezone_id="Europe/Berlin", locale="en-GB", **options)
    watch.over(context, scene.url)
    if person:
        come_in(context, scene, person)
    page = context.new_page()
    page.clock.set_fixed_time(NOW)
    page.add_init_script(NOTE_VIOLATIONS)
    yield page
    context.close()


def come_in(context: BrowserContext, scene: Scene, person: str = "ada") -> None:
    """Sign a person in without the form."""
    context.add_cookies([{"name": "holdfast_session", "value": scene.cookie(person), "url": scene.url}])


def arrive(page: Page, address: str) -> Response:
    """Return the answer once the page is as it stays."""
    answer = page.goto(address)
    assert answer is not None
    if page.locator("#conn").count():
        expect(page.locator("#conn")).to_have_text("Live")
    return answer


def steady(page: Page, here: every_page.Page, scene: Scene) -> None:
    """Replace in a page what differs between machines."""
    volatile = ", ".join(every_page.VOLATILE.get(here.name, ("#none",)))
    folder, port = str(scene.theatre.folder / "data"), scene.url.rpartition(":")[2]
    page.evaluate(STEADY, [folder, port, volatile, platform.node() or "here", version_of_holdfast()])


def look_at(page: Page, theme: str, width: int) -> None:
    """Switch theme and width in place."""
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})


def faults_by_axe(page: Page, place: str, rules: list[str] | None = None) -> list[str]:
    """Return what axe finds; `rules` are those to go by, None is all."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": GUIDELINES}
    asked = {"runOnly": only, "resultTypes": ["violations"]}
    found = page.evaluate("asked => axe.run(document, asked)", asked)["violations"]
    return [
        f"{place}: {fault['id']}: {fault['help']}: {node['html'][:200]}"
        for fault in found
        for node in fault["nodes"][:3]
    ]
