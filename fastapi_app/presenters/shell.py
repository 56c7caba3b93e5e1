"""What stands around every page: the ways on, what the person wants, what is told once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from core.models import Value
from core.preferences import DENSITIES, THEMES, Preferences
from fastapi_app.notices import Notice
from fastapi_app.presenters.sections import Sections

SHAPES: Final[Mapping[str, str]] = {
    "ok": "st-ok",
    "failed": "st-failed",
    "paused": "st-pause",
    "cancelled": "st-cancelled",
    "unproved": "st-hollow",
}
OTHERWISE: Final = "st-late"

WORDS: Final[Mapping[str, str]] = {
    "auto": "Match system",
    "light": "Light",
    "dark": "Dark",
    "comfortable": "Comfortable",
    "compact": "Compact",
    "on": "On",
    "off": "Off",
}


class Choice(Value, frozen=True, kw_only=True):
    """One thing a person can want: what the form calls it, its words, and each answer with its word."""

    name: str
    word: str
    options: tuple[tuple[str, str], ...]
    chosen: str


class Shell(Value, frozen=True, kw_only=True):
    """What base.html needs beside what a page shows."""

    sections: Sections
    wanted: Preferences
    notices: tuple[Notice, ...]
    drawn_at: datetime

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Return what the person's menu asks."""
        shortcuts = "on" if self.wanted.shortcuts else "off"
        return (
            _choice("theme", "Theme", THEMES, self.wanted.theme),
            _choice("density", "Rows", DENSITIES, self.wanted.density),
            _choice("shortcuts", "Keyboard shortcuts", ("on", "off"), shortcuts),
        )

    @property
    def told(self) -> tuple[tuple[Notice, str], ...]:
        """Return what is told once, each with its shape."""
        return tuple((notice, SHAPES.get(notice.status, OTHERWISE)) for notice in self.notices)


def _choice(name: str, word: str, options: tuple[str, ...], chosen: str) -> Choice:
    return Choice(name=name, word=word, options=tuple((each, WORDS[each]) for each in options), chosen=chosen)
