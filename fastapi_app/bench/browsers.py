"""The system's browser, for measuring what people see."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from core.errors import HoldfastError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


class NoBrowser(HoldfastError):
    """There is no browser to measure with."""

    code = "no-browser"
    hint = "Install Chromium and the packages of `make setup`, or leave out what is seen in a browser."


@contextmanager
def a_browser() -> Iterator["Browser"]:
    """Start the browser; raises NoBrowser where there is none."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only a few benches need it
    except ImportError as error:
        raise NoBrowser("Playwright is not installed.") from error
    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if program is None:
        raise NoBrowser("There is no Chromium on this machine.")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield chromium
        chromium.close()
